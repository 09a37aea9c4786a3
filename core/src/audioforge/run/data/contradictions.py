"""Sounds that come with several texts: several people heard one clip, or lines have shifted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from audioforge.measuring.evaluation import EvaluationSet
from audioforge.sample import AudioSample
from audioforge.tasks import SpeechTask
from audioforge.terminal.reporter import Reporter


def warn_of_contradictions(dataset: EvaluationSet, task: SpeechTask, reporter: Reporter) -> None:
    """Say which clips of a dataset are one sound and have different texts or labels.

    All are kept: where several people wrote down what they heard, none of them need be wrong, and
    where lines have shifted, every clip is wrong and not only those that are there twice.

    Args:
        dataset: The dataset.
        task: Decides what is right of a clip. One recording may be the voice of many texts.
        reporter: Hears of it.
    """
    if task.generates_speech:
        return
    samples = dataset.samples
    pairs = sorted(_contradicting(samples, task), key=lambda pair: pair[1])
    if not pairs:
        return
    first, other = (samples[index] for index in pairs[0])
    kind = "labels" if task.has_classes else "texts"
    reporter.warn(
        f"{dataset.name}: clips that are the sound of an earlier one with other {kind}: "
        f"{len(pairs)} of {len(samples)}; all are kept. Are lines shifted? First: {first.place} "
        f"({_right(first, task)!r:.60}) and {other.place} ({_right(other, task)!r:.60})"
    )


def _contradicting(samples: Sequence[AudioSample], task: SpeechTask) -> Iterator[tuple[int, int]]:
    """Yield which clips are the sound of an earlier one, by number, and of which.

    Sounds are told apart by the names of their files, which costs no reading. There may be
    millions, so that they are compared as numbers: two of a million share 64 bits with a
    probability of 3e-8.
    """
    stated = [i for i, s in enumerate(samples) if s.audio is not None and task.has_reference(s)]
    if not stated:  # sound alone, which consensus and others need no text of
        return
    sounds = np.fromiter((_sound(samples[i]) for i in stated), np.int64, len(stated))
    rights = np.fromiter((hash(_right(samples[i], task)) for i in stated), np.int64, len(stated))
    order = np.argsort(sounds, kind="stable")
    firsts = np.flatnonzero(np.diff(sounds[order], prepend=sounds[order[:1]] - 1) != 0)
    for start, end in zip(firsts, [*firsts[1:], len(order)], strict=True):
        for at in order[start + 1 : end]:
            if rights[at] != rights[order[start]]:
                yield stated[order[start]], stated[at]


def _sound(sample: AudioSample) -> int:
    """Return a number of a part of a sound."""
    audio = sample.audio.tobytes() if isinstance(sample.audio, np.ndarray) else sample.audio
    stated = None if sample.offset is None else sample.duration
    return hash((audio, sample.offset, stated, sample.channels))


def _right(sample: AudioSample, task: SpeechTask) -> str:
    """Return what is right of a clip, without what is only written in another way."""
    if task.has_classes:
        return " ".join(sorted(sample.labels))
    return " ".join((sample.reference or "").casefold().split())
