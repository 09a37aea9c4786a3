"""The data of a run: what is trained on, and what is held out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from audioforge import keyed_random
from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError, listed
from audioforge.model import Task
from audioforge.paths import real_path
from audioforge.plugins import Registry
from audioforge.raft.clips import SkipLog
from audioforge.raft.durable.spool import Spool
from audioforge.raft.evaluation import EvaluationSet
from audioforge.reporter import Reporter
from audioforge.sample import AudioSample, Problem
from audioforge.sources import open_dataset


def load_samples(
    registry: Registry,
    location: str,
    defaults: DatasetRequest,
    *,
    task: Task,
    on_error: str,
    limit: int | None = None,
    needs_reference: bool = True,
    spool: Spool | None = None,
    reporter: Reporter | None = None,
) -> EvaluationSet:
    """Read a dataset's samples; audio stays undecoded.

    Args:
        registry: Of the installed plugins.
        location: A registered name, a path, or a hub id.
        defaults: The request's other fields.
        task: Decides what a reference is.
        on_error: "skip" or "fail".
        limit: Stop after this many samples.
        needs_reference: Leave out what has no reference.
        spool: Where sound goes that comes without a file; None to hold it in memory.
        reporter: Shows how many items are read; None to show nothing.

    Raises:
        DatasetError: If the dataset cannot be read or holds nothing usable.
    """
    skips = SkipLog(on_error)

    def usable() -> Iterator[AudioSample]:
        items = open_dataset(registry, location, defaults).load()
        for item in reporter.count(items, f"Reading {location}") if reporter else items:
            problem = item if isinstance(item, Problem) else None
            if isinstance(item, AudioSample) and needs_reference:
                problem = _reference_problem(item, task)
            if problem is not None:
                skips.add(problem)
            elif isinstance(item, AudioSample):
                yield item if spool is None else spool.keep(item)

    samples = list(islice(usable(), limit))
    if not samples:
        raise DatasetError(
            f"{location}: there is nothing in it to use: "
            f"{skips.describe(len(skips.problems)) or 'it is empty'}"
        )
    return EvaluationSet(location, samples, skips, len(skips.problems))


def has_reference(sample: AudioSample, task: Task) -> bool:
    """Whether a sample says what the right output would be."""
    if task == "classification":
        return bool(sample.labels)
    return bool(sample.reference and sample.reference.strip())


def _reference_problem(sample: AudioSample, task: Task) -> Problem | None:
    if has_reference(sample, task):
        return None
    if task == "classification":
        reason = "there is no label to score with; --label-column names another key"
        return Problem(sample.place, reason, "without label")
    reason = "there is no reference text to score with; --text-column names another key"
    return Problem(sample.place, reason, "empty reference")


def labels_of(samples: Sequence[AudioSample]) -> tuple[str, ...]:
    """Return the class labels of samples, sorted."""
    return tuple(sorted({label for sample in samples for label in sample.labels}))


def check_labels(
    known: tuple[str, ...] | None, checkpoint: str, datasets: Sequence[EvaluationSet]
) -> None:
    """Check that a classifier can say every label of some data.

    Args:
        known: Its labels; None for a model that is no classifier.
        checkpoint: Where it is from.
        datasets: What it is to learn or to be measured on.

    Raises:
        DatasetError: Listing the labels of both.
    """
    if known is None:
        return
    for dataset in datasets:
        own = labels_of(dataset.samples)
        unknown = [label for label in own if label not in known]
        if unknown:
            raise DatasetError(
                f"{dataset.name} has labels that {checkpoint} does not know: {listed(unknown)}. "
                f"Labels of the data: {listed(own)}. Labels of the model: {listed(known)}. Use a "
                f"model with these labels, or give it a new head: audioforge train --new-head"
            )


def shared_clips(first: Sequence[AudioSample], second: Sequence[AudioSample]) -> int:
    """Count the clips of `second` that are also in `first`: the same part of the same file."""

    def places(samples: Sequence[AudioSample]) -> list[tuple[str, float | None]]:
        # Not the duration, which a manifest may leave out.
        return [(real_path(s.audio), s.offset) for s in samples if isinstance(s.audio, Path)]

    known = set(places(first))
    return sum(place in known for place in places(second))


def hold_out(
    samples: Sequence[AudioSample], fraction: float, seed: int, task: Task
) -> tuple[list[AudioSample], list[AudioSample]]:
    """Split samples into those to train on and those held out.

    Where every sample's speaker is known and there is more than one, whole speakers are held out,
    in an order that the seed fixes, until the fraction is reached; otherwise single samples are.
    Only samples with a reference can be measured on: the fraction is one of these, and a speaker
    without any is trained on.

    Raises:
        DatasetError: If one of the parts would be empty.
    """
    ordered = sorted(samples, key=lambda s: s.id)
    measurable = [s for s in ordered if has_reference(s, task)]
    if not measurable:
        raise DatasetError(
            f"none of {len(ordered)} samples has a reference, so that nothing held out of them "
            f"could be measured on; give --eval-dataset"
        )
    wanted = fraction * len(measurable)
    held: set[str] = set()
    speakers = {s.speaker for s in samples}
    if len(speakers) > 1 and all(speakers):
        candidates = sorted({s.speaker for s in measurable if s.speaker})
        order = keyed_random.shuffled(len(candidates), "hold-out", seed)
        for index in order[: len(speakers) - 1]:  # one speaker is left to train on
            if sum(s.id in held for s in measurable) >= wanted:
                break
            held |= {s.id for s in ordered if s.speaker == candidates[index]}
    else:
        order = keyed_random.shuffled(len(measurable), "hold-out", seed)
        held = {measurable[i].id for i in order[: max(1, round(wanted))]}
    train = [s for s in ordered if s.id not in held]
    measured = [s for s in measurable if s.id in held]
    if not train or not measured:
        raise DatasetError(
            f"too few samples ({len(ordered)}) to hold {fraction:.0%} of them out; give "
            f"--eval-dataset"
        )
    return train, measured


def normalizer_for(
    setting: str | None,
    language: str | None,
    samples: Sequence[AudioSample],
    task: Task = "asr",
) -> str:
    """Return the text normaliser of a run: the set one, or the one that fits the language.

    English when `language` is, or when neither it nor any sample says another language. Labels are
    no text, and left as they are.
    """
    if setting is not None:
        return setting
    if task == "classification":
        return "none"
    languages = {language} if language else {s.language for s in samples if s.language}
    english = all(re.split("[-_]", name.lower())[0] in ("en", "english") for name in languages)
    return "whisper-english" if english else "whisper-basic"
