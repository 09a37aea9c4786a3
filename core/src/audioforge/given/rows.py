"""One row of data given in Python, a mapping of names to values, to one sample."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, evolve, field, frozen

from audioforge.dataset import DatasetRequest
from audioforge.files.addresses import is_address, joined
from audioforge.files.written_paths import written_path
from audioforge.remote.fetch import FetchError, fetched
from audioforge.sample import Audio, AudioSample, Problem
from audioforge.sound_array import RATE, float_samples, rate_of, seconds_of
from audioforge.sound_part import SoundPartError, sound_part

AUDIO = ("audio", "audio_filepath", "file_name", "path", "file", "wav", "array")
TEXT = ("text", "transcript", "transcription", "sentence")
LABEL = ("label", "labels")
SPEAKER = ("speaker", "speaker_id", "client_id")
LANGUAGE = ("language", "lang", "locale")
ID = ("id", "utterance_id")
"""Names of the keys, the usual one first."""


class UnusableRowError(Exception):
    """A row of which no sample can be made.

    Args:
        kind: A short class of problems to count by.
        reason: What is wrong, with the key.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@frozen
class Sound:
    """A clip's audio, as a row holds it.

    Attributes:
        audio: A file, an encoded file, or float32 samples.
        rate: Sampling rate in Hz of samples; None for a file, which states its own.
        name: What names the clip where its row does not: its path, or the digest of its sound.
    """

    audio: Audio
    rate: int | None
    name: str


@define
class Rows:
    """Reads the rows of one dataset.

    Attributes:
        request: Names the keys of transcript and label, where they are not the usual ones.
        class_names: Names of the classes, for keys that hold their numbers.
    """

    request: DatasetRequest
    class_names: Mapping[str, Sequence[str]] = field(factory=dict)
    _taken: Counter[str] = field(factory=Counter, init=False)

    def read(self, row: object, where: str) -> AudioSample | Problem:
        """Return the sample of a row, or why there is none.

        Args:
            row: A mapping, or a sample already.
            where: The place of the row, for messages.
        """
        if isinstance(row, AudioSample):
            return row
        try:
            if not isinstance(row, Mapping):
                kind = type(row).__name__
                raise UnusableRowError("not a row", f"expected a mapping with 'audio', not {kind}")
            return self._sample(row, where)
        except (UnusableRowError, SoundPartError) as error:
            return Problem(where, str(error), error.kind)

    def _sample(self, row: Mapping[Any, Any], where: str) -> AudioSample:
        names = self._names(row)
        values = {what: row[key] for what, key in names.items()}
        sound = None
        if values.get("audio") is not None:
            sound = read_sound(values["audio"], values.get("rate"), names["audio"])
            sound = self._found(sound)
        elif self.request.needs_audio:
            keys = ", ".join(map(repr, row)) or "none"
            raise UnusableRowError("missing audio", f"no 'audio'; its keys are: {keys}")
        text = values.get("text")
        if text is not None and not isinstance(text, str):
            raise UnusableRowError("bad text", f"{names['text']!r} must be text, not {text!r:.60}")
        part = sound_part(row)
        if sound is not None and part.offset and not isinstance(sound.audio, Path):
            part = part.of(seconds_of(sound.audio, sound.rate))
        name = sound.name + part.name if sound else f"text-{_digest(text or '')}"
        used = {*names.values(), *part.keys}
        return AudioSample(
            id=self._id(values.get("id"), name),
            audio=sound.audio if sound else None,
            sampling_rate=sound.rate if sound else None,
            reference=text,
            labels=self._labels(values.get("label"), names.get("label", "")),
            speaker=_name(values.get("speaker")),
            language=_name(values.get("language")),
            offset=part.offset,
            duration=part.duration,
            channels=part.channels,
            metadata={str(k): v for k, v in row.items() if k not in used},
            where=where,
        )

    def _names(self, row: Mapping[Any, Any]) -> dict[str, str]:
        """Return which key holds what, for those that the row has."""
        request = self.request
        wanted = {
            "audio": (request.audio_column,) if request.audio_column else AUDIO,
            "rate": RATE,
            "text": (request.text_column,) if request.text_column else TEXT,
            "label": (request.label_column,) if request.label_column else LABEL,
            "speaker": (request.speaker_column,) if request.speaker_column else SPEAKER,
            "language": LANGUAGE,
            "id": ID,
        }
        found = {what: next((k for k in keys if k in row), None) for what, keys in wanted.items()}
        return {what: key for what, key in found.items() if key is not None}

    def _found(self, sound: Sound) -> Sound:
        """Return a clip with its file where it is: below `audio_root`, or fetched from there."""
        if not isinstance(sound.audio, Path):
            return sound
        root = self.request.audio_root
        try:
            if is_address(sound.name):
                return evolve(sound, audio=fetched(sound.name))
            if root is None or sound.audio.is_absolute():
                return sound
            if is_address(root):
                return evolve(sound, audio=fetched(joined(root, sound.name)))
        except FetchError as error:
            raise UnusableRowError("not fetched", str(error)) from error
        return evolve(sound, audio=Path(root).expanduser() / sound.audio)

    def _labels(self, value: Any, key: str) -> tuple[str, ...]:
        members = value if isinstance(value, list | tuple) else [value]
        names = self.class_names.get(key)
        labels = []
        for member in members:
            if member is None or member == "":
                continue
            if isinstance(member, np.integer):
                member = int(member)
            if isinstance(member, bool) or not isinstance(member, int | str):
                raise UnusableRowError(
                    "bad label", f"{key!r} must be text or a number, not {member!r:.60}"
                )
            if names is None or isinstance(member, str):
                labels.append(str(member))
            elif 0 <= member < len(names):
                labels.append(names[member])
            else:
                raise UnusableRowError("bad label", f"{key!r}: {member} is none of the classes")
        return tuple(labels)

    def _id(self, stated: Any, otherwise: str) -> str:
        """Return the id that a row states; else what names its sound, numbered if it is repeated.

        An id that is stated twice stays as it is, and is refused by whoever reads the dataset.
        """
        given = _name(stated)
        if given is not None:
            return given
        self._taken[otherwise] += 1
        number = self._taken[otherwise]
        return otherwise if number == 1 else f"{otherwise}#{number}"


def read_sound(value: Any, rate: Any, key: str) -> Sound:
    """Return what a value holds of a clip: samples, an encoded file, or the path of one.

    Args:
        value: A float or int16 array of shape (frames,) or (frames, channels), bytes, a path, or a
            mapping with `array` and `sampling_rate`, or `bytes`, or `path`, as the datasets library
            has it.
        rate: Sampling rate in Hz; what the mapping says counts for more.
        key: The key that holds it, for messages.

    Raises:
        UnusableRowError: If it is none of these.
    """
    if isinstance(value, Mapping):
        rate = next((value[k] for k in RATE if value.get(k) is not None), rate)
        held = (value.get(k) for k in ("array", "bytes", "path"))
        value = next((v for v in held if v is not None), None)
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        if not isinstance(path, str) or not path or "\0" in path:
            raise UnusableRowError("bad path", f"{key!r}: no file can be called {path!r:.60}")
        file, name = written_path(path, Path())
        return Sound(file, None, name)
    if isinstance(value, bytes | bytearray):
        return Sound(bytes(value), None, _digest(bytes(value)))
    if value is None or not (hasattr(value, "__array__") or isinstance(value, list | tuple)):
        kind = "nothing" if value is None else type(value).__name__
        raise UnusableRowError(
            "missing audio", f"{key!r} must hold an array, bytes or a path, not {kind}"
        )
    try:
        samples = float_samples(value)
    except ValueError as error:
        raise UnusableRowError("bad array", f"{key!r} {error}") from error
    try:
        return Sound(samples, rate_of(rate), _digest(samples.tobytes()))
    except ValueError as error:
        raise UnusableRowError("missing rate", f"{key!r} {error}") from error


def _name(value: Any) -> str | None:
    """Return a name, which may be a number; None for nothing."""
    if value is None or value == "" or isinstance(value, bool | float):
        return None
    return str(value)


def _digest(content: bytes | str) -> str:
    plain = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.blake2b(plain, digest_size=8).hexdigest()
