"""Transcripts scored again: under another normaliser, or with both sides written in another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from attrs import evolve, frozen

from audioforge.config import VerifierSetting
from audioforge.errors import AudioForgeError
from audioforge.judging.verification import Verification, create_verifier
from audioforge.measuring.corpus_metrics import MeasuredMetric, Parts
from audioforge.plugins import Registry
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier


@frozen(eq=False)
class Pair:
    """What is right of a clip, and what a model said.

    Attributes:
        sample: The clip, without its sound.
        said: What the model said.
    """

    sample: AudioSample
    said: str

    @property
    def reference(self) -> str:
        """What is right."""
        return self.sample.reference or ""

    def written(self, write: Callable[[str], str]) -> Pair:
        """Return the pair with both texts written in another way."""
        return Pair(evolve(self.sample, reference=write(self.reference)), write(self.said))


@frozen(eq=False)
class Counts:
    """Errors of pairs, and the words or characters that they are errors of.

    Attributes:
        errors: Errors of each pair, shape (pairs,).
        units: Words (or characters) of each reference, shape (pairs,).
        title: Name of the rate for people: of the one that most pairs are counted by.
    """

    errors: np.ndarray
    units: np.ndarray
    title: str

    @property
    def rate(self) -> float | None:
        """All errors over all words; None without words."""
        total = self.units.sum()
        return float(self.errors.sum() / total) if total else None


class Rescorer:
    """Scores pairs with a verifier of transcripts, under any of its normalisers.

    Args:
        registry: What is installed.
        verification: What the run tells its verifiers, and what calls them.
        name: Name of the verifier.
    """

    def __init__(self, registry: Registry, verification: Verification, name: str) -> None:
        """Nothing is set up yet."""
        self._registry, self._verification = registry, verification
        self._setting = VerifierSetting.parse(name)
        self._verifiers: dict[str, Verifier | None] = {}

    @property
    def normalizer(self) -> str:
        """The run's own normaliser."""
        return self._verification.context.normalizer

    @property
    def normalizers(self) -> tuple[str, ...]:
        """Every normaliser that the verifier knows."""
        verifier = self._verifier(self.normalizer)
        return () if verifier is None else verifier.normalizers

    def counts(self, pairs: Sequence[Pair], normalizer: str) -> Counts | None:
        """Return the errors of pairs; None where the normaliser cannot be had."""
        verifier = self._verifier(normalizer)
        if verifier is None:
            return None
        samples = [pair.sample for pair in pairs]
        hypotheses = [Hypothesis(text=pair.said) for pair in pairs]
        identity = self._setting.id
        scores = self._verification.guard.scores(identity, verifier, samples, hypotheses)
        metrics = [MeasuredMetric(identity, metric) for metric in verifier.corpus_metrics]
        counted = [_counted(metrics, score) for score in scores]
        titles = Counter(metric.title for metric, _ in counted)
        errors, units = zip(*(parts for _, parts in counted), strict=True)
        return Counts(np.array(errors), np.array(units), titles.most_common(1)[0][0])

    def _verifier(self, normalizer: str) -> Verifier | None:
        """Return the verifier with a normaliser; None where it cannot be set up with it."""
        if normalizer not in self._verifiers:
            context = evolve(self._verification.context, normalizer=normalizer)
            try:
                verifier = create_verifier(self._registry, self._setting, context)
            except AudioForgeError:
                verifier = None
            self._verifiers[normalizer] = verifier
        return self._verifiers[normalizer]


def _counted(metrics: Sequence[MeasuredMetric], score: Score) -> tuple[CorpusMetric, Parts]:
    """Return a score's part in the first metric that it has all numbers of."""
    for measured in metrics:
        row = {measured.verifier: score.metrics}
        if measured.is_measured(row):
            return measured.metric, measured.parts(row)
    return metrics[0].metric, (0.0, 0.0)
