"""The data of a run, as its datasets give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from attrs import frozen

from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError, listed
from audioforge.find_dataset import open_dataset
from audioforge.inference.skip_log import SkipLog
from audioforge.judging.needs import Needs
from audioforge.languages.token_rates import most_tokens_per_second
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.plugins import Registry
from audioforge.run.data.special_tokens import special_tokens_problem
from audioforge.run.data.spool import Spool
from audioforge.sample import AudioSample, Problem
from audioforge.tasks import DEFAULT_TASK, SpeechTask, speech_task
from audioforge.terminal.reporter import Reporter


class NothingLabelledError(DatasetError):
    """There are clips, and none says what it must to be of use."""


@frozen(kw_only=True)
class Wanted:
    """Which samples of a dataset are of use.

    Attributes:
        task: Whether a reference is a transcript.
        needs: What one must say to be of use, for each use that there is; empty where anything is.
        on_error: What to do with one that is of no use: "skip" or "fail".
        limit: Stop after this many samples; None to read all.
    """

    task: SpeechTask
    needs: Sequence[Needs]
    on_error: str
    limit: int | None = None

    def lacking(self, sample: AudioSample) -> Problem | None:
        """Return what a sample would have to say to be of use; None if it says it."""
        problems = [needs.problem(sample) for needs in self.needs]
        return problems[0] if problems and all(problems) else None

    def harmful(self, sample: AudioSample) -> Problem | None:
        """Return what in a sample must not be learnt or measured; None if there is nothing."""
        return None if self.task.has_classes else special_tokens_problem(sample)


def load_samples(
    registry: Registry,
    location: str,
    defaults: DatasetRequest,
    wanted: Wanted,
    spool: Spool | None = None,
    reporter: Reporter | None = None,
) -> EvaluationSet:
    """Read a dataset's samples; audio stays undecoded.

    Args:
        registry: What is installed.
        location: A registered name, a path, or a hub id.
        defaults: The request's other fields.
        wanted: Which samples are of use.
        spool: Where sound goes that comes without a file; None to hold it in memory.
        reporter: Shows how many items are read; None to show nothing.

    Raises:
        DatasetError: If the dataset cannot be read, holds nothing usable, or gives two samples one
            id: all that a run writes is found again by it.
    """
    # A sample is of use, or a problem with its place: nothing is left out without a word.
    skips = SkipLog(wanted.on_error)
    samples: list[AudioSample] = []
    taken: set[str] = set()
    lacking = 0

    def usable() -> Iterator[AudioSample]:
        nonlocal lacking
        items = open_dataset(registry, location, defaults).load()
        for item in reporter.count(items, f"Reading {location}") if reporter else items:
            if isinstance(item, Problem):
                skips.add(item)
            elif problem := wanted.lacking(item):
                lacking += 1
                skips.add(problem)
            elif problem := wanted.harmful(item):
                skips.add(problem)
            else:
                if item.id in taken:
                    raise DatasetError(_repeated_id(location, samples, item))
                taken.add(item.id)
                yield item if spool is None else spool.keep(item)

    # One at a time, since a repeated id is told by the samples before it; `limit` ends the reading.
    for sample in islice(usable(), wanted.limit):
        samples.append(sample)
    if not samples:
        why = skips.describe(len(skips.problems)) or "it is empty"
        if lacking:
            why += (
                ". A verifier that needs something else of a clip can reward and measure without "
                "it: see --verifier and --metric; audioforge transcribe measures nothing"
            )
        kind = NothingLabelledError if lacking else DatasetError
        raise kind(f"{location}: there is nothing in it to use: {why}")
    silent = sum(s.reference is not None and not s.reference.strip() for s in samples)
    if silent and reporter:
        reporter.info(
            f"{location}: {silent} of {len(samples)} transcripts are empty, which means that "
            f"nothing is said; one that is not known is null, or has no key"
        )
    return EvaluationSet(location, samples, skips, len(skips.problems))


def _repeated_id(location: str, earlier: Sequence[AudioSample], again: AudioSample) -> str:
    """Return what to say of a sample whose id an earlier one has."""
    number, first = next((n, s) for n, s in enumerate(earlier, 1) if s.id == again.id)
    return (
        f"{location}: two samples have the id {again.id!r}: number {number}, {first.place}, and "
        f"number {len(earlier) + 1}, {again.place}. A run finds a clip's text and sound by its id, "
        f"and would take one for the other: give each an id of its own, in the data or in the "
        f"plugin that reads them"
    )


def labels_of(samples: Sequence[AudioSample]) -> tuple[str, ...]:
    """Return the class labels of samples, sorted."""
    return tuple(sorted({label for sample in samples for label in sample.labels}))


def check_labels(
    known: tuple[str, ...] | None, checkpoint: str, datasets: Sequence[EvaluationSet]
) -> None:
    """Check that a classifier can say every label of some data.

    Args:
        known: The classifier's labels; None for a model that is no classifier.
        checkpoint: The checkpoint that it is from, for messages.
        datasets: The data that it is to learn or to be measured on.

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


def normalizer_for(
    setting: str | None,
    language: str | None,
    samples: Sequence[AudioSample],
    task: str = DEFAULT_TASK,
) -> str:
    """Return the text normaliser of a run: the set one, or the one that fits the languages.

    The English one where every clip is English, or its language is not known; the general one where
    none is; each clip by its own in a mixture, so that one foreign clip changes nothing for the
    others. Labels are no text, and left as they are.

    Args:
        setting: The one that was set; None to choose.
        language: The language of all samples; None for what each states.
        samples: The samples of the run.
        task: The task of the run.
    """
    if setting is not None:
        return setting
    if speech_task(task).has_classes:
        return "none"
    languages = {language} if language else {s.language or "en" for s in samples}
    english = {name for name in languages if _is_english(name)}
    if not english and languages:
        return "words-1"
    return "english-1" if english == languages else "by-language-1"


def length_limit_for(
    setting: float | None, samples: Iterable[AudioSample], task: str = DEFAULT_TASK
) -> float:
    """Return the tokens that a hypothesis may have for each second of its clip; 0 for no limit.

    Args:
        setting: What was set; None for what the languages of the samples allow.
        samples: The samples of the run, their languages settled.
        task: The task of the run; only a transcript has a length that a clip's seconds limit.
    """
    if setting is not None:
        return setting
    if speech_task(task).output != "text":
        return 0.0
    return most_tokens_per_second({sample.language for sample in samples})


def _is_english(language: str) -> bool:
    return re.split("[-_]", language.strip().lower())[0] in ("en", "eng", "english")
