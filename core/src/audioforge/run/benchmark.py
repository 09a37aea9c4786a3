"""Measuring one model on one dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from audioforge.config import BenchmarkConfig
from audioforge.executor import Executor
from audioforge.inference.skip_log import SkipLog
from audioforge.judging.verification import Verification
from audioforge.measuring.corpus_metrics import MEAN_REWARD
from audioforge.measuring.cut_short import cut_warning
from audioforge.measuring.dataset_pass import DatasetPass
from audioforge.measuring.enough_utterances import missing_part
from audioforge.measuring.evaluation import Evaluation, EvaluationSet, decoded
from audioforge.measuring.explanation import explain
from audioforge.measuring.resampling import claimed_speakers
from audioforge.plugins import Registry, discover
from audioforge.results.frames import frame
from audioforge.results.shown import Shown, ShowsItself
from audioforge.run.check_settings import check_settings
from audioforge.run.data.languages import spoken
from audioforge.run.data.samples import (
    normalizer_for,
)
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.measurement import prepare_measurement
from audioforge.run.prepare import closing_executor, create_executor
from audioforge.tasks import SpeechTask, speech_task
from audioforge.terminal.reporter import Reporter
from audioforge.terminal.runaway_rates import rate
from audioforge.torch_companions import hide_broken_companions

if TYPE_CHECKING:
    import pandas as pd


@frozen(eq=False, repr=False)
class Benchmark(ShowsItself):
    """What a benchmark measured.

    Attributes:
        evaluation: Utterance by utterance.
        result: What `audioforge benchmark --json` prints.
        skips: What could not be used.
        is_main: Whether this process is the one that prints and writes it.
    """

    evaluation: Evaluation
    result: dict[str, Any]
    skips: SkipLog
    is_main: bool

    def shown(self) -> Shown:
        """Return the figures that are one number each, and what they are about."""
        rows = [[k, _cell(v)] for k, v in self.result.items() if not isinstance(v, dict | list)]
        return Shown(["figure", "value"], rows, [self.conclusion])

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row for each clip, as `predictions.jsonl`; needs pandas."""
        return frame(self.evaluation.predictions, "to_frame")

    @property
    def conclusion(self) -> str:
        """What the interval is about, and how much of the dataset has no part in the figures."""
        evaluation = self.evaluation
        title, name = evaluation.metric.title, next(iter(evaluation.metrics))
        sentences = [
            f"{title} {rate(self.result, name)}, {evaluation.decoding}.",
            f"95 % interval: {claimed_speakers(self.result['interval'])}.",
        ]
        missing = missing_part(evaluation.dataset, evaluation.measured, evaluation.total)
        if missing is not None:
            sentences.append(f"{missing}.")
        return " ".join(sentences)


def run_benchmark(
    config: BenchmarkConfig,
    registry: Registry | None = None,
    reporter: Reporter | None = None,
    *,
    claim: FolderClaim | None = None,
    word_times: bool = False,
) -> Benchmark:
    """Evaluate a model.

    Args:
        config: The model, the dataset, and what is measured.
        registry: The plugins to use; None to discover what is installed.
        claim: The right to the folder that the predictions will be written to, taken before
            anything is read; generated audio goes below it.
        word_times: Add to each prediction when its words were said.
        reporter: Where to tell how it goes; None for stderr.

    Raises:
        AudioForgeError: If the settings, the checkpoint or the data do not allow it.
    """
    hide_broken_companions()
    registry = registry or discover()
    check_settings(registry, config)
    executor = create_executor(registry, config)
    if not executor.processes.is_main:
        reporter = Reporter(quiet=True, warnings=False)
    reporter = reporter or Reporter()
    with closing_executor(executor, reporter):
        return _benchmark(config, registry, reporter, executor, claim, word_times=word_times)


def _benchmark(
    config: BenchmarkConfig,
    registry: Registry,
    reporter: Reporter,
    executor: Executor,
    claim: FolderClaim | None,
    *,
    word_times: bool,
) -> Benchmark:
    """Evaluate a model with an executor that has joined; see `run_benchmark`."""
    task = speech_task(config.task)
    measured = prepare_measurement(registry, config, executor, reporter, claim)
    config, dataset, evaluator = measured.config, measured.dataset, measured.evaluator
    verification = measured.verification
    speech = claim.folder.root / "predictions" if claim and task.generates_speech else None
    dataset_pass = DatasetPass(dataset=dataset, audio_folder=speech, word_times=word_times)
    with reporter.attending():
        evaluation = evaluator.evaluate(measured.adapter, dataset_pass)
    # What the figures do not tell.
    skipped = dataset.skips.describe(dataset.total)
    if skipped:
        reporter.warn(f"{config.dataset}: {skipped}")
    failures = verification.guard.failures
    for sentence in failures.describe(executor.processes.gather(failures.counts())):
        reporter.warn(sentence)
    if warning := cut_warning(evaluation.dataset, evaluation.cut, len(evaluation.items)):
        reporter.warn(warning)
    _warn_of_silent(evaluation, verification, task, reporter)
    advised = normalizer_for(None, config.common_language, dataset.samples, config.task)
    explanation = explain(registry, evaluator, dataset, evaluation, advised)
    result = _result(config, evaluation, dataset)
    result["languages"] = spoken(measured.languages)
    if explanation is not None:
        explanation.tell(reporter.warn, reporter.info)
        result["explanation"] = explanation.as_mapping()
    return Benchmark(evaluation, result, dataset.skips, executor.processes.is_main)


def _result(
    config: BenchmarkConfig, evaluation: Evaluation, dataset: EvaluationSet
) -> dict[str, Any]:
    """Return what `audioforge benchmark --json` prints."""
    first, *others = evaluation.values.items()
    sums = evaluation.sums(first[0])
    if evaluation.metric == MEAN_REWARD:
        del sums["reward"]  # no whole number; the mean and the count of rewards tell it
    result = {
        "model": config.model_name,
        "dataset": config.dataset,
        "task": config.task,
        "n": len(evaluation.items),
        **{name: int(total) if total.is_integer() else total for name, total in sums.items()},
        **dict([first]),
        "ci95": list(evaluation.interval),
        "interval": evaluation.resampling.as_mapping(),
        **dict(others),
        "rtfx": evaluation.rtfx,
        "normalizer": config.normalizer,
        "metric": config.metric,
        "higher_is_better": evaluation.metric.higher_is_better,
        "skipped": len(dataset.skips.problems),
        "measured": evaluation.measured,
        "cut": evaluation.cut,
        "total": evaluation.total,
        **({"style": style} if (style := evaluation.style) else {}),
        **decoded(evaluation),
        **({"counted": counted} if (counted := evaluation.counted) else {}),
        **({"by_language": by_language} if (by_language := evaluation.by_language) else {}),
    }
    report = evaluation.classification
    if report is not None:
        result |= report.as_mapping()
    return result


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _warn_of_silent(
    evaluation: Evaluation, verification: Verification, task: SpeechTask, reporter: Reporter
) -> None:
    """Say which verifiers the result tells nothing of: those that need k hypotheses, say."""
    if task.reports_reward:  # every verifier has a part in the mean reward
        return
    measured = {metric.verifier for metric in evaluation.metrics.values()}
    for identity in verification.verifiers:
        if identity not in measured:
            reporter.warn(
                f"{identity} has no metric of one hypothesis for each clip, so that the benchmark "
                f"reports nothing of it"
            )
