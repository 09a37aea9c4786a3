"""Clips that two datasets of a run share: what is learnt from or chosen by must not also measure.

Two clips are one where the same part of the same sound is in both, whatever the files are called;
two channels are two sounds.
Sounds are the same where their encoded bytes are: a link, a copy, a column of Parquet. The same
recording in another container is not recognised, nor is a part that was cut out into a file.

Most datasets share nothing, and reading all of two would take as long as a cycle does. So sounds
are compared by what costs more and more: their size (the system's word, no reading), then a block
in their middle, then the whole; each only where what came before agrees between the two datasets.
"""

from __future__ import annotations

import hashlib
import io
import math
import stat
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from attrs import define, field

from audioforge.audio import SEGMENT_SLACK_SECONDS
from audioforge.files.paths import real_path
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.shared_clips import Overlap
from audioforge.run.data.sound_digest import sound_digest
from audioforge.sample import Audio, AudioSample
from audioforge.tasks import SpeechTask
from audioforge.terminal.reporter import Reporter

BLOCK_BYTES = 4096
"""Read from the middle of a sound, where it is not silence or a header; a page of most systems."""

NO_SIZE = -1
"""Stands for the size of a clip without sound, and of a file that cannot be reached."""

Span = tuple[float, float]
"""Start and end in seconds; infinite where the end is the file's."""


Channels = tuple[int, ...]
"""Channels of a sound, by number; empty for the mean of all, in which each is heard."""

Heard = tuple[Channels, Span]

Role = tuple[str, EvaluationSet]
"""A role's name and its dataset."""

Part = tuple[int, str]
"""A sound by its number, and the text of which it is the voice."""

SIZE, IDENTITY = 0, 1
"""Columns of what a first look at a sound tells."""


def find_overlaps(
    pairs: Iterable[tuple[Role, Role]], task: SpeechTask, reporter: Reporter
) -> list[Overlap]:
    """Return what the two datasets of each pair share, without the pairs that share nothing.

    A text to speak without a recording is the same where text and speaker are; one with a recording
    where text and sound are. What cannot be read is shared with nothing: it is reported when it is
    decoded.

    Args:
        pairs: Pairs of the set that is measured on and the set that must not be in it.
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


@define
class _Comparison:
    """Compares datasets, and remembers what it has read of them.

    There may be millions of clips, so that what is known of each is numbers in an array.
    """

    _task: SpeechTask
    _reporter: Reporter
    _looks: dict[EvaluationSet, np.ndarray] = field(factory=dict, init=False)
    _digests: dict[int, int] = field(factory=dict, init=False)

    def shared(self, measured: EvaluationSet, used: EvaluationSet) -> int:
        """Count the clips of `measured` that are also in `used`."""
        ours, theirs = self._of_same_sounds(measured, used)
        spans: dict[Part, dict[Channels, list[Span]]] = defaultdict(lambda: defaultdict(list))
        for part, (channels, span) in theirs:
            spans[part][channels].append(span)
        covered = {
            part: [(channels, _merged(found)) for channels, found in of_channels.items()]
            for part, of_channels in spans.items()
        }
        count = sum(
            any(_meet(channels, known) and _covers(merged, span) for known, merged in covered[part])
            for part, (channels, span) in ours
            if part in covered
        )
        return count + (_shared_texts(measured, used) if self._task.generates_speech else 0)

    def _of_same_sounds(
        self, measured: EvaluationSet, used: EvaluationSet
    ) -> tuple[list[tuple[Part, Heard]], list[tuple[Part, Heard]]]:
        """Return the clips of each set whose sound is in both."""
        samples, looks = self._of_same_sizes([measured, used])
        count = len(samples[0])
        both = [*samples[0], *samples[1]]
        files, first, file_of = np.unique(
            looks[:, IDENTITY], return_index=True, return_inverse=True
        )
        in_ours, in_theirs = np.zeros((2, len(files)), bool)
        in_ours[file_of[:count]] = in_theirs[file_of[count:]] = True
        # Where several files are left that could be one sound, the next look tells them apart.
        sounds, suspects, values = files.copy(), np.arange(len(files)), looks[first, SIZE]
        for look in (_middle, self._digest):
            suspects = suspects[_in_both(values, in_ours[suspects], in_theirs[suspects])]
            counted = self._reporter.count(suspects, "Comparing sounds", len(suspects))
            read = (look(both[first[i]].audio, int(files[i])) for i in counted)
            values = np.fromiter(read, np.int64, len(suspects))
        sounds[suspects] = values
        sound_of = sounds[file_of]
        shared = np.isin(sound_of, np.intersect1d(sound_of[:count], sound_of[count:]))
        clips = [
            (
                i,
                ((int(sound_of[i]), self._words(both[i])), (both[i].channels, _span(both[i]))),
            )
            for i in np.flatnonzero(shared)
        ]
        return [c for i, c in clips if i < count], [c for i, c in clips if i >= count]

    def _of_same_sizes(
        self, datasets: Sequence[EvaluationSet]
    ) -> tuple[list[list[AudioSample]], np.ndarray]:
        """Return the samples of two sets with sounds of sizes that are in both, and their looks."""
        looks = [self._look(dataset) for dataset in datasets]
        sizes = np.intersect1d(looks[0][:, SIZE], looks[1][:, SIZE])
        at = [np.flatnonzero(np.isin(look[:, SIZE], sizes[sizes > 0])) for look in looks]
        samples = [[d.samples[i] for i in own] for d, own in zip(datasets, at, strict=True)]
        chosen = [look[own] for look, own in zip(looks, at, strict=True)]
        return samples, np.concatenate(chosen)

    def _look(self, dataset: EvaluationSet) -> np.ndarray:
        """Return size and identity of each sample's sound, an array of shape (samples, 2)."""
        if dataset not in self._looks:
            values = (value for sample in dataset.samples for value in _look_at(sample.audio))
            count = len(dataset.samples)
            self._looks[dataset] = np.fromiter(values, np.int64, 2 * count).reshape(count, 2)
        return self._looks[dataset]

    def _digest(self, audio: Audio, identity: int) -> int:
        """Return a digest of a sound; its identity where it cannot be read."""
        if identity not in self._digests:
            try:
                self._digests[identity] = _number(bytes.fromhex(sound_digest(audio)))
            except OSError:
                self._digests[identity] = identity
        return self._digests[identity]

    def _words(self, sample: AudioSample) -> str:
        """Return the text of which a sound is a part: one recording may be the voice of many."""
        return _text(sample) if self._task.generates_speech else ""


def _look_at(audio: Audio | None) -> tuple[int, int]:
    """Return a sound's size in bytes, and a number that it has under all of its names.

    `NO_SIZE` is the size of no sound, and of what is no file that can be reached.
    """
    if isinstance(audio, bytes):
        return len(audio), hash(("memory", id(audio)))
    if isinstance(audio, np.ndarray):
        return audio.nbytes, hash(("memory", id(audio)))
    if audio is None:
        return NO_SIZE, 0
    try:
        facts = audio.stat()
    except (OSError, ValueError):  # not there, or no path at all
        return NO_SIZE, 0
    if not stat.S_ISREG(facts.st_mode):  # a pipe or a device has no end
        return NO_SIZE, 0
    # Some file systems do not number their files.
    name = facts.st_ino or real_path(audio)
    return facts.st_size, hash((facts.st_dev, name))


def _in_both(values: np.ndarray, in_ours: np.ndarray, in_theirs: np.ndarray) -> np.ndarray:
    """Return where several have one value, and not all of these are in the same of two sets."""
    groups, group_of, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ours, theirs = (np.bincount(group_of[s], minlength=len(groups)) for s in (in_ours, in_theirs))
    return np.flatnonzero(((sizes > 1) & (ours > 0) & (theirs > 0))[group_of])


def _middle(audio: Audio, identity: int) -> int:
    """Return a digest of the block in the middle of a sound; its identity if it cannot be read."""
    if isinstance(audio, np.ndarray):
        return _number(bytes.fromhex(sound_digest(audio)))
    try:
        with io.BytesIO(audio) if isinstance(audio, bytes) else audio.open("rb") as file:
            file.seek(max(0, (file.seek(0, io.SEEK_END) - BLOCK_BYTES) // 2))
            return _number(hashlib.blake2b(file.read(BLOCK_BYTES)).digest())
    except OSError:
        return identity


def _number(digest: bytes) -> int:
    """Return 64 bits of a digest: two of a million share them with a probability of 3e-8."""
    return int.from_bytes(digest[:8], "little", signed=True)


def _shared_texts(measured: EvaluationSet, used: EvaluationSet) -> int:
    """Count the texts to speak without a recording that are also in `used`."""
    known = {(_text(s), s.speaker) for s in used.samples if s.audio is None}
    return sum((_text(s), s.speaker) in known for s in measured.samples if s.audio is None)


def _text(sample: AudioSample) -> str:
    return " ".join((sample.reference or "").split())


def _span(sample: AudioSample) -> Span:
    if sample.offset is None:
        return 0.0, math.inf
    # The end may be left out, and is the file's then.
    return sample.offset, sample.offset + sample.duration if sample.duration else math.inf


def _meet(channels: Channels, others: Channels) -> bool:
    """Say whether something is heard in both of two choices of channels."""
    return not channels or not others or not set(channels).isdisjoint(others)


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
