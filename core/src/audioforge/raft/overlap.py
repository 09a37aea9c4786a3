"""Clips that two datasets of a run share: what is learnt from or chosen by must not also measure.

Two clips are one where the same part of the same sound is in both, whatever the files are called.
Sounds are the same where their encoded bytes are: a link, a copy, a column of Parquet. The same
recording in another container is not recognised, nor is a part that was cut out into a file.

Most datasets share nothing, and reading all of two would take as long as a cycle does. So sounds
are compared by what costs more and more: their size (the system's word, no reading), then a block
in their middle, then the whole; each only where what came before agrees between the two datasets.
"""

from __future__ import annotations

import hashlib
import math
import stat
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from attrs import define, field, frozen

from audioforge.audio import SEGMENT_SLACK_SECONDS
from audioforge.model import Task
from audioforge.paths import real_path
from audioforge.raft.evaluation import EvaluationSet
from audioforge.raft.sound_digest import sound_digest
from audioforge.reporter import Reporter
from audioforge.sample import Audio, AudioSample

BLOCK_BYTES = 4096
"""Read from the middle of a sound, where it is not silence or a header; a page of most systems."""

NO_SIZE = -1
"""Of a clip without sound, and of a file that cannot be reached."""

Span = tuple[float, float]
"""Start and end in seconds; infinite where the end is the file's."""


@frozen
class Overlap:
    """What two datasets of a run share.

    Attributes:
        measured_role: Of the one that is measured on, such as "test".
        measured: Its name.
        used_role: Of the one that the model learnt from, or that chose the model.
        used: Its name.
        clips: How many of the measured clips are in the other too.
        total: How many measured clips there are.
    """

    measured_role: str
    measured: str
    used_role: str
    used: str
    clips: int
    total: int

    def __str__(self) -> str:
        """Say it in a sentence without its full stop."""
        return (
            f"{self.clips} of {self.total} clips of the {self.measured_role} set {self.measured} "
            f"are also in the {self.used_role} set {self.used}: figures measured on them flatter "
            f"the model"
        )


Part = tuple[str, EvaluationSet]
"""A role and its dataset."""


def find_overlaps(
    pairs: Iterable[tuple[Part, Part]], task: Task, reporter: Reporter
) -> list[Overlap]:
    """Return what the two datasets of each pair share, without the pairs that share nothing.

    A text to speak without a recording is the same where text and speaker are; one with a recording
    where text and sound are. What cannot be read is shared with nothing: it is reported when it is
    decoded.

    Args:
        pairs: What is measured on, and what must not be in it.
        task: Decides what a clip is.
        reporter: Shows how many sounds were read.
    """
    comparison = _Comparison(task, reporter)
    found = []
    for (measured_role, measured), (used_role, used) in pairs:
        clips = comparison.shared(measured, used)
        if clips:
            total = len(measured.samples)
            found.append(Overlap(measured_role, measured.name, used_role, used.name, clips, total))
    return found


@frozen
class _Sound:
    """A sound before anybody has read it.

    Attributes:
        identity: The same for all names of a file, and for the same object in memory.
        size: In bytes.
        audio: It.
    """

    identity: int
    size: int
    audio: Audio

    @classmethod
    def of(cls, audio: Audio | None) -> _Sound | None:
        """Look at it; None for no sound, and for what is no file that can be reached."""
        if isinstance(audio, bytes):
            return cls(_in_memory(audio), len(audio), audio)
        if isinstance(audio, np.ndarray):
            return cls(_in_memory(audio), audio.nbytes, audio)
        if audio is None:
            return None
        try:
            facts = audio.stat()
        except (OSError, ValueError):  # not there, or no path at all
            return None
        if not stat.S_ISREG(facts.st_mode):  # a pipe or a device has no end
            return None
        if not facts.st_ino:  # a file system that does not number its files
            return cls(hash(real_path(audio)), facts.st_size, audio)
        return cls(facts.st_dev << 64 | facts.st_ino, facts.st_size, audio)


def _in_memory(audio: Audio) -> int:
    return -id(audio)  # no file has a number below 0


@define
class _Comparison:
    """Compares datasets, and remembers what it has read of them."""

    _task: Task
    _reporter: Reporter
    _sizes: dict[EvaluationSet, np.ndarray] = field(factory=dict, init=False)
    _digests: dict[int, str] = field(factory=dict, init=False)

    def shared(self, measured: EvaluationSet, used: EvaluationSet) -> int:
        """Count the clips of `measured` that are also in `used`."""
        common = np.intersect1d(self._sizes_of(measured), self._sizes_of(used))
        common = common[common > 0]
        theirs, ours = (self._of_sizes(dataset, common) for dataset in (used, measured))
        same = self._same({s.identity: s for s, _ in ours}, {s.identity: s for s, _ in theirs})
        wanted = {self._key(sound, sample, same) for sound, sample in ours}
        spans: dict[tuple[str | int, str], list[Span]] = defaultdict(list)
        for sound, sample in theirs:
            key = self._key(sound, sample, same)
            if key in wanted:
                spans[key].append(_span(sample))
        covered = {key: _merged(found) for key, found in spans.items()}
        count = sum(
            _covers(covered.get(self._key(sound, sample, same), []), _span(sample))
            for sound, sample in ours
        )
        return count + (self._shared_texts(measured, used) if self._task == "tts" else 0)

    def _sizes_of(self, dataset: EvaluationSet) -> np.ndarray:
        """Return the size of each sample's sound: 8 bytes a clip, since there may be millions."""
        if dataset not in self._sizes:
            sounds = (_Sound.of(sample.audio) for sample in dataset.samples)
            sizes = (NO_SIZE if sound is None else sound.size for sound in sounds)
            self._sizes[dataset] = np.fromiter(sizes, np.int64, len(dataset.samples))
        return self._sizes[dataset]

    def _of_sizes(
        self, dataset: EvaluationSet, sizes: np.ndarray
    ) -> list[tuple[_Sound, AudioSample]]:
        """Return the samples whose sound has one of these sizes."""
        indices = np.flatnonzero(np.isin(self._sizes_of(dataset), sizes))
        samples = [dataset.samples[index] for index in indices]
        looked = ((_Sound.of(sample.audio), sample) for sample in samples)
        return [(sound, sample) for sound, sample in looked if sound is not None]

    def _same(self, ours: Mapping[int, _Sound], theirs: Mapping[int, _Sound]) -> dict[int, str]:
        """Return the digest of every sound that is in both under several identities."""
        suspects = {**theirs, **ours}
        measures: tuple[Callable[[_Sound], str | int], ...] = (
            lambda sound: sound.size,
            _middle,
            self._digest,
        )
        groups: dict[str | int, list[int]] = {}
        for measure in measures:
            groups = defaultdict(list)
            for sound in self._reporter.count(suspects.values(), "Comparing sounds", len(suspects)):
                groups[measure(sound)].append(sound.identity)
            groups = {
                value: group
                for value, group in groups.items()
                if len(group) > 1
                and any(identity in ours for identity in group)
                and any(identity in theirs for identity in group)
            }
            suspects = {i: suspects[i] for group in groups.values() for i in group}
        return {identity: str(digest) for digest, group in groups.items() for identity in group}

    def _digest(self, sound: _Sound) -> str:
        if sound.identity not in self._digests:
            try:
                self._digests[sound.identity] = sound_digest(sound.audio)
            except OSError:
                self._digests[sound.identity] = f"unreadable {sound.identity}"
        return self._digests[sound.identity]

    def _key(
        self, sound: _Sound, sample: AudioSample, same: Mapping[int, str]
    ) -> tuple[str | int, str]:
        """Return what clips have in common that are parts of the same sound."""
        # One recording can be the voice of many texts to speak.
        text = _text(sample) if self._task == "tts" else ""
        return same.get(sound.identity, sound.identity), text

    @staticmethod
    def _shared_texts(measured: EvaluationSet, used: EvaluationSet) -> int:
        """Count the texts to speak without a recording that are also in `used`."""
        known = {(_text(s), s.speaker) for s in used.samples if s.audio is None}
        return sum((_text(s), s.speaker) in known for s in measured.samples if s.audio is None)


def _middle(sound: _Sound) -> str | int:
    """Return a digest of the block in the middle of a sound."""
    start, audio = max(0, (sound.size - BLOCK_BYTES) // 2), sound.audio
    if isinstance(audio, np.ndarray):
        return sound_digest(audio)
    if isinstance(audio, bytes):
        block = audio[start : start + BLOCK_BYTES]
    else:
        try:
            with audio.open("rb") as file:
                file.seek(start)
                block = file.read(BLOCK_BYTES)
        except OSError:
            return sound.identity
    return hashlib.blake2b(block, digest_size=16).hexdigest()


def _text(sample: AudioSample) -> str:
    return " ".join((sample.reference or "").split())


def _span(sample: AudioSample) -> Span:
    if sample.offset is None:
        return 0.0, math.inf
    # The end may be left out, and is the file's then.
    return sample.offset, sample.offset + sample.duration if sample.duration else math.inf


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Return disjoint spans in order that cover the same."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _covers(merged: Sequence[Span], span: Span) -> bool:
    """Say whether disjoint spans in order cover any of another, beyond what rounding does."""
    start, end = span
    slack = min(SEGMENT_SLACK_SECONDS, (end - start) / 2)
    first = bisect_right(merged, start, key=lambda known: known[1])
    for known_start, known_end in merged[first:]:
        if known_start >= end:
            return False
        if min(end, known_end) - max(start, known_start) > slack:
            return True
    return False
