"""Transcripts scored again: under another normaliser, or with both sides written in another way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from attrs import evolve, frozen

from audioforge.config import VerifierSetting
from audioforge.errors import AudioForgeError
from audioforge.judging.verification import Verification, create_verifier
from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.plugins import Registry
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import Verifier


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
        measured: Whether each pair is one that the rate counts, shape (pairs,).
        title: Name of the rate for people.
    """

    errors: np.ndarray
    units: np.ndarray
    measured: np.ndarray
    title: str

    @property
    def rate(self) -> float | None:
        """All errors over all words; None without words."""
        total = self.units.sum()
        return float(self.errors.sum() / total) if total else None


class Rescorer:
    """Scores pairs with a verifier of transcripts, under any of its normalisers.

    Of its corpus metrics that one counts which has words in most of the pairs, as the run measures
    them: the word error rate, or that of characters where there are no words.

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
        self._metric: MeasuredMetric | None = None

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
        """Return the errors of pairs; None where the normaliser cannot be had.

        A pair that the metric does not count has neither errors nor words. The first call, with the
        run's own normaliser, chooses the metric.
        """
        verifier = self._verifier(normalizer)
        if verifier is None:
            return None
        samples = [pair.sample for pair in pairs]
        hypotheses = [Hypothesis(text=pair.said) for pair in pairs]
        identity = self._setting.id
        scores = self._verification.guard.scores(identity, verifier, samples, hypotheses)
        rows = [{identity: score.metrics} for score in scores]
        if self._metric is None:
            metrics = [MeasuredMetric(identity, metric) for metric in verifier.corpus_metrics]
            self._metric = max(metrics, key=lambda m: sum(m.parts(row)[1] > 0 for row in rows))
        errors, units = zip(*(self._metric.parts(row) for row in rows), strict=True)
        measured = np.array([self._metric.is_measured(row) for row in rows])
        return Counts(np.array(errors), np.array(units), measured, self._metric.metric.title)

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
