"""Corpus metrics: which ones a run's verifiers have, and each utterance's part in them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from audioforge.verifier import CorpusMetric, Verifier


@frozen
class Measure:
    """A corpus metric and the verifier that measures its parts.

    Attributes:
        verifier: Its id.
        metric: The corpus metric.
    """

    verifier: str
    metric: CorpusMetric

    def parts(self, metrics: Mapping[str, Mapping[str, float]]) -> tuple[float, float]:
        """Return numerator and denominator of one utterance, both 0 where one is missing.

        Args:
            metrics: Of each verifier's score, by verifier id.
        """
        row = metrics.get(self.verifier, {})
        if any(name not in row for name in (*self.metric.numerator, self.metric.denominator)):
            return 0.0, 0.0
        return sum(row[name] for name in self.metric.numerator), row[self.metric.denominator]


def measures_of(
    verifiers: Mapping[str, Verifier], first: Mapping[str, Measure] | None = None
) -> dict[str, Measure]:
    """Return every corpus metric by its name.

    One whose name an earlier verifier has is called by its own verifier too: `cer_wer`.

    Args:
        verifiers: By id.
        first: Measures that come before theirs.
    """
    measures = dict(first or {})
    for identity, verifier in verifiers.items():
        for metric in verifier.corpus_metrics:
            name = metric.name
            while name in measures:
                name = f"{identity}_{name}"
            measures[name] = Measure(identity, metric)
    return measures
