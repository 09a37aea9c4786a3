"""Evaluation: greedy decoding of a dataset, corpus metrics with intervals."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, evolve, field, frozen

from audioforge.config import VerifierSetting
from audioforge.errors import ConfigError, DatasetError
from audioforge.model import SamplingParams, Task
from audioforge.plugins import Registry
from audioforge.raft.bootstrap import Interval, difference_interval, ratio_interval
from audioforge.raft.clips import ClipLoader, SkipLog
from audioforge.raft.processes import Processes
from audioforge.raft.rollout import sample_hypotheses
from audioforge.raft.verification import create_verifier, scores_of
from audioforge.reporter import Reporter
from audioforge.sample import AudioSample, Rollout
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext

METRIC_VERIFIERS: Mapping[Task, tuple[str, ...]] = {
    "asr": ("wer", "cer"),
    "classification": ("label",),
}
"""The verifiers whose corpus metrics an evaluation reports; the first one decides."""


@define(eq=False)
class EvaluationSet:
    """A dataset to evaluate on.

    Attributes:
        name: As the user gave it.
        samples: All of them have a reference.
        skips: What of it cannot be used.
        unread: How many of those are not among the samples.
    """

    name: str
    samples: list[AudioSample]
    skips: SkipLog = field(factory=SkipLog)
    unread: int = 0

    @property
    def total(self) -> int:
        """How many items it has, usable or not."""
        return len(self.samples) + self.unread

    @property
    def short_name(self) -> str:
        """Its name without folders, for where there is little room."""
        return self.name.rstrip("/").rpartition("/")[2] or self.name


@frozen(eq=False)
class EvaluatedItem:
    """One utterance's greedy output and what was measured on it.

    Attributes:
        prediction: The line of `predictions.jsonl`.
        metrics: The metrics of each verifier, by its name.
        seconds: Length of the clip.
    """

    prediction: dict[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    seconds: float


@define(eq=False)
class Evaluation:
    """What an evaluation measured.

    Attributes:
        dataset: Its name.
        items: Sorted by sample id.
        metric: The corpus metric that decides.
        corpus_metrics: All corpus metrics, by the name of their verifier.
        seconds: Time it took, without loading.
    """

    dataset: str
    items: list[EvaluatedItem]
    metric: CorpusMetric
    corpus_metrics: Mapping[str, CorpusMetric]
    seconds: float

    def sums(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return numerator and denominator of a verifier's corpus metric, per utterance."""
        metric = self.corpus_metrics[name]
        rows = [item.metrics[name] for item in self.items]
        numerator = np.array([sum(row[m] for m in metric.numerator) for row in rows])
        return numerator, np.array([row[metric.denominator] for row in rows])

    @property
    def decisive(self) -> tuple[np.ndarray, np.ndarray]:
        """Numerator and denominator, per utterance, of the metric that decides."""
        return self.sums(next(iter(self.corpus_metrics)))

    def value(self, name: str | None = None) -> float | None:
        """Return a corpus metric, or None when its denominator is 0."""
        numerator, denominator = self.decisive if name is None else self.sums(name)
        total = denominator.sum()
        return float(numerator.sum() / total) if total else None

    @property
    def interval(self) -> Interval:
        """95 % interval of the metric that decides."""
        return ratio_interval(*self.decisive)

    def difference_interval(self, base: Evaluation) -> Interval:
        """Return the 95 % paired interval of this minus the base, on the same utterances."""
        numerator, denominator = self.decisive
        return difference_interval(numerator, base.decisive[0], denominator)

    @property
    def rtfx(self) -> float:
        """Audio seconds over processing seconds."""
        return sum(item.seconds for item in self.items) / self.seconds

    def counts(self, name: str) -> dict[str, float]:
        """Return every metric that a verifier's corpus metric sums, summed."""
        metric = self.corpus_metrics[name]
        return {
            key: sum(item.metrics[name][key] for item in self.items)
            for key in (*metric.numerator, metric.denominator)
        }


class Evaluator:
    """Evaluates models of one run, all in the same way.

    Args:
        registry: Of the installed plugins.
        context: What the run tells its verifiers.
        processes: Shares the work.
        batch_size: Clips per batch; fixed, since padding can change a model's output by rounding.
        max_new_tokens: Longest output; None for the model's own limit.
        reporter: Shows progress.
    """

    def __init__(
        self,
        registry: Registry,
        context: VerifierContext,
        processes: Processes,
        *,
        batch_size: int,
        max_new_tokens: int | None,
        reporter: Reporter,
    ) -> None:
        """Set up the verifiers whose metrics are reported."""
        names = METRIC_VERIFIERS.get(context.task)
        if names is None:
            raise ConfigError([f"task: nothing installed evaluates {context.task}"])
        self._verifiers: dict[str, Verifier] = {
            name: create_verifier(registry, VerifierSetting.parse(name), context) for name in names
        }
        self._metrics = {
            name: verifier.corpus_metric
            for name, verifier in self._verifiers.items()
            if verifier.corpus_metric is not None
        }
        self._processes = processes
        self._batch_size = batch_size
        self._params = SamplingParams(temperature=0.0, max_new_tokens=max_new_tokens)
        self._reporter = reporter

    @property
    def metric(self) -> CorpusMetric:
        """The metric that decides."""
        return next(iter(self._metrics.values()))

    def measured(self, rollouts: Sequence[Rollout]) -> list[Rollout]:
        """Return rollouts with the scores of the verifier whose metric decides.

        A run that rewards by other verifiers has none of its scores.
        """
        name, verifier = next(iter(self._verifiers.items()))
        measured = []
        for rollout in rollouts:
            hypotheses = [h.hypothesis for h in rollout.hypotheses]
            scores = scores_of(name, verifier, [rollout.sample] * len(hypotheses), hypotheses)
            scored = [
                evolve(h, scores={**h.scores, name: score})
                for h, score in zip(rollout.hypotheses, scores, strict=True)
            ]
            measured.append(Rollout(rollout.sample, rollout.cycle, scored))
        return measured

    def evaluate(self, adapter: Any, dataset: EvaluationSet, what: str = "evaluate") -> Evaluation:
        """Decode a dataset greedily and measure.

        Raises:
            DatasetError: If no clip of it can be used, or no reference holds anything to measure.
        """
        start = time.perf_counter()
        shard = self._processes.shard(sorted(dataset.samples, key=lambda s: s.id))
        batches = sample_hypotheses(
            adapter,
            ClipLoader(adapter, dataset.skips),
            shard,
            1,
            self._params,
            batch_size=self._batch_size,
            processes=self._processes,
            reporter=self._reporter,
            what=f"{what} {dataset.short_name}",
        )
        items = []
        for batch in batches:
            samples = [clip.sample for clip, _ in batch]
            hypotheses = [hs[0] for _, hs in batch]
            scores = {
                name: scores_of(name, verifier, samples, hypotheses)
                for name, verifier in self._verifiers.items()
            }
            for n, (clip, (hypothesis,)) in enumerate(batch):
                metrics = {name: column[n].metrics for name, column in scores.items()}
                prediction = _prediction(clip.sample, hypothesis.content, clip.seconds)
                items.append(EvaluatedItem(prediction, metrics, clip.seconds))
        items = sorted(self._processes.gather(items), key=lambda i: str(i.prediction["id"]))
        dataset.skips.share(self._processes.gather)
        if not items:
            raise DatasetError(
                f"{dataset.name}: nothing in it can be evaluated; "
                f"{dataset.skips.describe(dataset.total) or 'it is empty'}"
            )
        seconds = time.perf_counter() - start
        evaluation = Evaluation(dataset.name, items, self.metric, self._metrics, seconds)
        if evaluation.value() is None:
            raise DatasetError(
                f"{dataset.name}: every reference is empty once normalised, so that there is no "
                f"{self.metric.name}; see --normalizer"
            )
        return evaluation


def _prediction(sample: AudioSample, output: str, seconds: float) -> dict[str, Any]:
    """Return the line of `predictions.jsonl`: the keys that NeMo's tools use, and the id."""
    line: dict[str, Any] = {
        "id": sample.id,
        "audio_filepath": sample.origin,
        "duration": round(seconds, 4),
        "text": sample.reference if sample.reference is not None else "|".join(sample.labels),
        "pred_text": output,
    }
    return line | ({"speaker": sample.speaker} if sample.speaker else {})


def summarise(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation's metrics as `summary.json` holds them: rates as fractions."""
    values = {m.name: evaluation.value(name) for name, m in evaluation.corpus_metrics.items()}
    return {**values, "ci95": list(evaluation.interval), "n": len(evaluation.items)}


def compare(evaluation: Evaluation, base: Evaluation) -> dict[str, Any]:
    """Return an evaluation's metrics with the paired interval of its difference to the base."""
    interval = evaluation.difference_interval(base)
    return {**summarise(evaluation), "difference_ci95": list(interval)}


def is_better(interval: Sequence[float], metric: CorpusMetric) -> bool:
    """Whether a whole interval of a difference lies on the better side of 0."""
    return interval[0] > 0 if metric.higher_is_better else interval[1] < 0


def is_worse(interval: Sequence[float], metric: CorpusMetric) -> bool:
    """Whether a whole interval of a difference lies on the worse side of 0."""
    return interval[1] < 0 if metric.higher_is_better else interval[0] > 0
