"""Sounds that a dataset has more than once, and whether the same is said of them."""

from __future__ import annotations

from array import array
from pathlib import Path

from attrs import define, field

from audioforge.run.data.sound_digest import sound_digest
from audioforge.sample import AudioSample

NOTHING_STATED = 0
"""In place of a number for transcript and labels, where there are none."""


@define
class SeenSounds:
    """The sounds until now, as numbers: a few bytes each, whatever the clips hold.

    A sound is the same where it is the same part of one file, or of two files with the same bytes.
    """

    _clips: dict[int, int] = field(factory=dict, init=False)
    _rows: array[int] = field(factory=lambda: array("q"), init=False)
    _answers: array[int] = field(factory=lambda: array("q"), init=False)
    _last_digest: tuple[Path, str] | None = field(default=None, init=False)

    def add(self, sample: AudioSample, row: int, *, with_content: bool) -> tuple[int, bool] | None:
        """Remember a clip; return where its sound was before, and whether with the same answer.

        Args:
            sample: The clip.
            row: Its number among what the dataset yields, from 1.
            with_content: Whether to read its file, to find it again under another name.

        Returns:
            The number of the earlier row, and whether its transcript and labels are the same, or
            not stated by one of both.
        """
        # 64 bits of each: two of a million are the same with a probability of 3e-8.
        answer = _answer(sample)
        keys = self._keys(sample, with_content)
        first = next((self._clips[key] for key in keys if key in self._clips), None)
        clip = len(self._rows) if first is None else first
        self._clips.update(dict.fromkeys(keys, clip))
        if first is not None:
            before = self._answers[first]
            return self._rows[first], before == answer or NOTHING_STATED in (before, answer)
        self._rows.append(row)
        self._answers.append(answer)
        return None

    def _keys(self, sample: AudioSample, with_content: bool) -> list[int]:
        """Return numbers of the place of a sound and of its content, as far as they are known."""
        part = (sample.offset, sample.duration if sample.offset is not None else None)
        keys = []
        if isinstance(sample.audio, Path):
            keys.append(hash((str(sample.audio), *part)))
        if with_content and (digest := self._digest(sample)) is not None:
            keys.append(hash((digest, *part)))
        return keys

    def _digest(self, sample: AudioSample) -> str | None:
        """Return a digest of the encoded sound; the parts of one long file have it read once."""
        audio = sample.audio
        if audio is None:
            return None
        if self._last_digest is not None and self._last_digest[0] == audio:
            return self._last_digest[1]
        try:
            digest = sound_digest(audio)
        except OSError:
            return None
        if isinstance(audio, Path):
            self._last_digest = (audio, digest)
        return digest


def _answer(sample: AudioSample) -> int:
    """Return a number for what is said of a sound."""
    if sample.reference is None and not sample.labels:
        return NOTHING_STATED
    return hash((" ".join((sample.reference or "").split()), sample.labels))
