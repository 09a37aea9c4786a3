"""Corpus metrics: which ones a run's verifiers have, and each utterance's part in them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from audioforge.verifier import CorpusMetric, Verifier

Parts = tuple[float, float]
"""What one output adds to a corpus metric: numerator and denominator, both 0 if not measured."""

MEAN_REWARD = CorpusMetric("mean_reward", ("reward",), "judged", higher_is_better=True)
"""The mean reward of the outputs that have one; "judged" is 1 for each of them."""


@frozen
class MeasuredMetric:
    """A corpus metric and the verifier that measures its parts.

    Attributes:
        verifier: The id of the verifier.
        metric: The corpus metric.
    """

    verifier: str
    metric: CorpusMetric

    @property
    def setting(self) -> str:
        """How `--metric` names it: `slots.slot_f1`; a metric of no verifier by its name alone."""
        if self == MeasuredMetric(MEAN_REWARD.name, MEAN_REWARD):
            return MEAN_REWARD.name
        return f"{self.verifier}.{self.metric.name}"

    def is_measured(self, metrics: Mapping[str, Mapping[str, float]]) -> bool:
        """Whether one utterance has all that the metric is made of.

        Args:
            metrics: The metrics of each verifier's score, by verifier id.
        """
        row = metrics.get(self.verifier, {})
        return all(name in row for name in (*self.metric.numerator, self.metric.denominator))

    def parts(self, metrics: Mapping[str, Mapping[str, float]]) -> Parts:
        """Return numerator and denominator of one utterance, both 0 where one is missing.

        Args:
            metrics: The metrics of each verifier's score, by verifier id.
        """
        row = metrics.get(self.verifier, {})
        try:
            return sum([row[name] for name in self.metric.numerator]), row[self.metric.denominator]
        except KeyError:
            return 0.0, 0.0


def deciding(metrics: Mapping[str, MeasuredMetric]) -> MeasuredMetric:
    """Return the metric that decides, which is the first, under its name among all of them."""
    name, measured = next(iter(metrics.items()))
    return evolve(measured, metric=evolve(measured.metric, name=name))


def metrics_of(
    verifiers: Mapping[str, Verifier], first: Mapping[str, MeasuredMetric] | None = None
) -> dict[str, MeasuredMetric]:
    """Return every corpus metric by its name.

    One whose name an earlier verifier has is called by its own verifier too: `cer_wer`.

    Args:
        verifiers: Verifiers by id.
        first: Metrics that come before those of the verifiers.
    """
    metrics = dict(first or {})
    for identity, verifier in verifiers.items():
        for metric in verifier.corpus_metrics:
            name = metric.name
            while name in metrics:
                name = f"{identity}_{name}"
            metrics[name] = MeasuredMetric(identity, metric)
    return metrics
