"""Scoring predictions with verifiers and an aggregator, as a training run would.

The file is read twice: first for what it holds (its languages decide the normaliser, its classes
are the known ones), then for scoring, batch by batch, so that a million lines need little memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from attrs import evolve, frozen

from audioforge.config import VerifyConfig
from audioforge.errors import DatasetError, UsageError
from audioforge.files import atomic
from audioforge.isolation.copies import LentSamples
from audioforge.judging.guard import Guard
from audioforge.judging.verification import Verification, verifier_context
from audioforge.measuring.corpus_metrics import metrics_of
from audioforge.model import Task
from audioforge.plugins import Registry, discover
from audioforge.results.shown import Shown, ShowsItself
from audioforge.run.check_settings import check_settings
from audioforge.run.data.samples import normalizer_for
from audioforge.run.rollout_store import score_line
from audioforge.sample import AudioSample, Problem, ScoredHypothesis
from audioforge.scoring.predictions import FileSamples, Prediction, PredictionFile
from audioforge.scoring.references import WITHOUT_PREDICTION, WithReferences
from audioforge.scoring.sound_folder import SoundFolder
from audioforge.scoring.sources import Predictions
from audioforge.scoring.stated_normalizer import stated_normalizer
from audioforge.scoring.tally import Tally, unscored
from audioforge.scoring.worst import Worst
from audioforge.tasks import speech_task
from audioforge.terminal.figures import decimal, decimal_interval
from audioforge.terminal.reporter import Reporter

MOST_HYPOTHESES = 1000
"""Hypotheses of one sample at the most; more means that the ids do not tell samples apart."""

UNPREDICTED = (WITHOUT_PREDICTION, "without audio")
"""Kinds of problems of what has no prediction; of a text without one the key is named."""


@frozen(eq=False, repr=False)
class Scoring(ShowsItself):
    """What was measured.

    Attributes:
        task: Task of the predictions.
        normalizer: Name of the text normaliser.
        tally: The scores, added up.
        unmatched: Generated sound files that no line asked for.
        failures: A sentence for each verifier that failed, though not too often.
        unpredicted: How many lines or references have no prediction.
        worst: The lines with the lowest rewards, as `--output` writes them, the worst first.
    """

    task: Task
    normalizer: str
    tally: Tally
    unmatched: tuple[Path, ...]
    failures: tuple[str, ...]
    unpredicted: int = 0
    worst: tuple[dict[str, Any], ...] = ()

    @property
    def measured(self) -> dict[str, float]:
        """The mean reward and the corpus metrics, as far as there is something to divide by."""
        ratios = {"reward": self.tally.reward, **self.tally.metrics}
        return {n: ratio.value for n, ratio in ratios.items() if ratio.value is not None}

    @property
    def reward(self) -> float | None:
        """The mean reward; None when no hypothesis has one."""
        return self.tally.reward.value

    def shown(self) -> Shown:
        """Return mean reward and metrics, each with its interval."""
        result = self.as_mapping()
        rows = [
            [
                name,
                decimal(value),
                decimal_interval(*ci) if (ci := result["ci95"].get(name)) else "",
            ]
            for name, value in {"reward": result["reward"], **result["metrics"]}.items()
        ]
        note = (
            f"{result['scored']:,} of {result['n']:,} scored; normaliser {self.normalizer}; "
            f"run-away: {result['runaway']:,}"
        )
        return Shown(["mean or rate", "value", "95 %"], rows, [note, *self.failures])

    def as_mapping(self) -> dict[str, Any]:
        """Return what `audioforge verify --json` prints; rates are fractions."""
        tally = self.tally
        ratios = {"reward": tally.reward, **tally.metrics}
        unscored = sum(tally.unscored.values())
        return {
            "task": self.task,
            "n": tally.scored + unscored,
            "scored": tally.scored,
            "unscored": unscored,
            "cut": tally.cut,
            **({"style": tally.style.shares} if speech_task(self.task).output == "text" else {}),
            "runaway": tally.runaway,
            **({"without_runaway": tally.without_runaway} if tally.runaway else {}),
            "reward": tally.reward.value,
            "passed": tally.passed.value,
            "metrics": {name: ratio.value for name, ratio in tally.metrics.items() if ratio.total},
            "ci95": {
                name: list(interval)
                for name, ratio in ratios.items()
                if (interval := ratio.interval) is not None
            },
            "counted": {name: ratio.counted for name, ratio in ratios.items() if ratio.total},
            "verifiers": {i: verifier.as_mapping() for i, verifier in tally.verifiers.items()},
            "reasons": dict(tally.unscored.most_common()),
            "unmatched_files": len(self.unmatched),
            "normalizer": self.normalizer,
        }


def score_predictions(
    config: VerifyConfig,
    predictions: Path | Sequence[Mapping[str, Any]] | Predictions,
    registry: Registry | None = None,
    *,
    audio_dir: Path | None = None,
    output: Path | None = None,
    reporter: Reporter | None = None,
) -> Scoring:
    """Score predictions.

    Args:
        config: What to score with, and how they are read.
        predictions: A file, see `audioforge.scoring.predictions`, or what its lines hold.
        registry: The plugins to use; None to discover what is installed.
        audio_dir: Folder of generated sound files, for lines that do not name theirs.
        output: Where to write a line of scores for each line, in the same order; must be new.
        reporter: Where to tell how it goes; None for stderr.

    Raises:
        AudioForgeError: If settings, plugins or the file do not allow it, or a verifier fails
            too often.
    """
    registry, reporter = registry or discover(), reporter or Reporter()
    task = cast("Task", config.task)
    check_settings(registry, config)
    _check_output(output)
    folder = None if audio_dir is None else SoundFolder(audio_dir)
    file = _prediction_file(config, predictions, folder)
    # A first look at the whole file: its languages choose the normaliser, its classes the labels.
    survey = file.survey()
    speaking = [AudioSample("", language=language) for language in survey.languages]
    setting = stated_normalizer(file.path, survey.normalizers, config.normalizer)
    normalizer = normalizer_for(setting, config.common_language, speaking, task)
    file = evolve(file, asked=config.common_language, otherwise=survey.otherwise)
    context = verifier_context(
        registry, task, normalizer, config.wer_threshold, _device(config.device), survey.labels
    )
    context = evolve(context, corpus=LentSamples(FileSamples(file)))
    guard = Guard(config.verifier_timeout, config.max_verifier_failures, reporter)
    verification = Verification(
        registry, config.verifiers, config.reward_aggregator, context, guard
    )
    metrics = metrics_of(verification.verifiers)
    tally = Tally(verification.weights, metrics, verification.has_part)
    # From here on batch by batch, lazily: the file may be larger than the memory.
    batches = _batches(file.read(), speech_task(task).hypotheses_per_call, config.limit)
    tracked = reporter.track(batches, survey.lines, "verify", size=len)
    worst = Worst()
    lines = worst.watched(_scored_lines(tracked, verification, tally, config.on_error))
    try:
        if output is None:
            for _ in lines:
                pass
        else:
            atomic.write_jsonl(output, lines)
    finally:
        for problem in verification.close():
            reporter.warn(problem)
    unmatched = tuple(folder.unmatched if folder else ())
    failures = tuple(guard.failures.describe())
    missing = sum(tally.unscored[kind] for kind in {*UNPREDICTED, f"without {file.said}"})
    return Scoring(task, normalizer, tally, unmatched, failures, missing, worst.lines)


def _prediction_file(
    config: VerifyConfig,
    predictions: Path | Sequence[Mapping[str, Any]] | Predictions,
    folder: SoundFolder | None,
) -> PredictionFile:
    given = predictions if isinstance(predictions, Predictions) else Predictions(predictions)
    task, key = speech_task(config.task), config.text_column or "text"
    said = config.pred_column or task.prediction_key
    source = given.source(said)
    if given.reference is not None:
        source = WithReferences(source, given.reference, key, said)
    label = config.label_column or "label"
    return PredictionFile(given.path, task, key, label, folder, said=said, source=source)


def _device(setting: str) -> str | Callable[[], str]:
    """Return the device for verifiers that run a model; most run none, and need no torch for it."""

    @cache
    def found() -> str:
        from audioforge.inference.processes import Processes

        return str(Processes(setting, "float32").device)

    return setting if setting == "cpu" else found


def _check_output(output: Path | None) -> None:
    if output is None:
        return
    try:
        if output.exists():
            raise UsageError(f"--output {output}: is there already; name a new file")
        output.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(output.parent, os.W_OK | os.X_OK):
            raise UsageError(f"--output {output}: you may not write there; name another file")
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be made: {error.strerror}") from error


Entry = Prediction | Problem


def _batches(entries: Iterable[Entry], size: int, limit: int | None) -> Iterator[list[Entry]]:
    """Yield entries in batches that part no sample, and stop after `limit` samples."""
    batch: list[Entry] = []
    last: Prediction | None = None
    samples = hypotheses = 0
    for entry in entries:
        if isinstance(entry, Prediction):
            if last is None or not entry.shares_sample(last):
                samples, hypotheses = samples + 1, 0
                if limit is not None and samples > limit:
                    break
                if len(batch) >= size:
                    yield batch
                    batch = []
            last, hypotheses = entry, hypotheses + 1
            if hypotheses > MOST_HYPOTHESES:
                raise DatasetError(
                    f"{entry.where}: more than {MOST_HYPOTHESES} lines in a row are of the sample "
                    f"'{entry.sample.id}'; give each sample an id of its own"
                )
        batch.append(entry)
    if batch:
        yield batch


def _scored_lines(
    batches: Iterable[list[Entry]], verification: Verification, tally: Tally, on_error: str
) -> Iterator[dict[str, Any]]:
    """Score batches, add them up, and yield a line for each entry.

    Raises:
        DatasetError: Under the policy "fail", at the first line that cannot be scored.
        VerifierError: If a verifier fails too often.
    """
    for batch in batches:
        scored = iter(_scored([e for e in batch if isinstance(e, Prediction)], verification, tally))
        verification.guard.stage.check()
        for entry in batch:
            if isinstance(entry, Prediction):
                yield {**entry.line, **_scores(entry.where, next(scored), verification)}
                continue
            if on_error == "fail":
                raise DatasetError(f"{entry} (--on-error skip leaves such lines out)")
            tally.add_problem(entry)
            yield {"id": None, "reward": None, "scores": {}, "reason": str(entry)}
    verification.guard.stage.check(at_end=True)


def _scored(
    predictions: Sequence[Prediction], verification: Verification, tally: Tally
) -> list[ScoredHypothesis]:
    """Score predictions, those of one sample together, and add them up."""
    groups: list[list[Prediction]] = []
    for prediction in predictions:
        if groups and prediction.shares_sample(groups[-1][0]):
            groups[-1].append(prediction)
        else:
            groups.append([prediction])
    samples = _with_own_ids([group[0].sample for group in groups])
    rollouts = verification.verify(0, samples, [[p.hypothesis for p in g] for g in groups])
    verification.guard.count(rollouts)
    for rollout, group in zip(rollouts, groups, strict=True):
        tally.add(rollout, [p.where for p in group])
    return [hypothesis for rollout in rollouts for hypothesis in rollout.hypotheses]


def _with_own_ids(samples: Sequence[AudioSample]) -> list[AudioSample]:
    """Number ids that are there again: a verifier may put together what has one id."""
    taken: set[str] = set()
    own = []
    for sample in samples:
        identity, number = sample.id, 1
        while identity in taken:
            number += 1
            identity = f"{sample.id}#{number}"
        taken.add(identity)
        own.append(sample if number == 1 else evolve(sample, id=identity))
    return own


def _scores(where: str, scored: ScoredHypothesis, verification: Verification) -> dict[str, Any]:
    has_reward = scored.reward is not None
    return {
        "reward": scored.reward,
        "scores": {identity: score_line(score) for identity, score in scored.scores.items()},
        "reason": None if has_reward else unscored(where, scored, verification.has_part).reason,
    }
