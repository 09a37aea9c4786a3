"""Corpus metrics: which ones a run's verifiers have, and each utterance's part in them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from audioforge.verifier import CorpusMetric, Verifier

Parts = tuple[float, float]
"""What one output adds to a corpus metric: numerator and denominator, both 0 if not measured."""


@frozen
class MeasuredMetric:
    """A corpus metric and the verifier that measures its parts.

    Attributes:
        verifier: The id of the verifier.
        metric: The corpus metric.
    """

    verifier: str
    metric: CorpusMetric

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
        if not self.is_measured(metrics):
            return 0.0, 0.0
        row = metrics[self.verifier]
        return sum(row[name] for name in self.metric.numerator), row[self.metric.denominator]


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
