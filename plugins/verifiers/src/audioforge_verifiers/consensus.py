"""The verifier `consensus`: agreement with the model's other hypotheses, without any transcript.

The reward of a hypothesis is the reward that `wer` can be expected to give it, where the other
k − 1 hypotheses of the clip, drawn from the model, stand in for the transcript that nobody has:

    reward = 1/(k − 1) · Σ_{j ≠ i} max(0, 1 − WER(hypothesis i, hypothesis j as the reference))

The best of k by this reward is the sampled minimum Bayes risk decision (Goel & Byrne 2000, "Minimum
Bayes-risk automatic speech recognition"; by sampling: Eikema & Aziz 2020, "Is MAP decoding all you
need?"). A text that was drawn several times votes several times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from attrs import evolve, field, frozen
from attrs.validators import ge, optional
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import VerifierContext
from audioforge_verifiers.hallucination import Hallucination
from audioforge_verifiers.transcripts import TranscriptVerifier
from audioforge_verifiers.words import words_of

Words = tuple[str, ...]


@frozen
class ConsensusOptions:
    """Options of `consensus`.

    Attributes:
        threshold: Expected error rate up to which a transcript passes; None for the run's
            `wer_threshold`.
    """

    threshold: float | None = field(default=None, validator=optional(ge(0)))


class Consensus(TranscriptVerifier):
    """Reward: expected agreement with the clip's other hypotheses.

    What nobody can have said has reward 0 even where all hypotheses agree on it: a model that
    loops, writes over silence or falls silent agrees with itself perfectly, and must not be paid
    for it. These are an empty transcript and the signs of `hallucination`, with its defaults, that
    need no transcript. One hypothesis alone cannot be judged.
    """

    needs_reference: ClassVar[bool] = False
    scope = "rollout"
    metrics: ClassVar[tuple[str, ...]] = ("agreement", "identical")

    def __init__(self, threshold: float | None = None) -> None:
        """Create the verifier; see `ConsensusOptions`."""
        super().__init__(threshold)
        self._hallucination = Hallucination()

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser and threshold."""
        super().setup(context)
        self._hallucination.setup(context)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts, each against the others of its sample's id.

        Metrics:
            agreement: The expected agreement.
            identical: Share of the others that are the same text.
        """
        normalizer = self._normalizer
        if normalizer is None:
            raise RuntimeError("setup comes before verify")
        rollouts: dict[str, list[int]] = {}
        for i, (sample, hypothesis) in enumerate(zip(samples, hypotheses, strict=True)):
            if hypothesis.text is not None:
                rollouts.setdefault(sample.id, []).append(i)
        scores = [Score(None)] * len(samples)
        possible = self._can_have_been_said(samples, hypotheses)
        for places in rollouts.values():
            if len(places) > 1:
                said = [(hypotheses[i].text or "", samples[i].language) for i in places]
                texts = [tuple(words_of(normalizer.hypothesis(*text))) for text in said]
                of_text = self._score_rollout(texts)
                for i, text in zip(places, texts, strict=True):
                    agreed = of_text[text]
                    scores[i] = agreed if possible[i] else evolve(agreed, reward=0.0, passed=False)
        return scores

    def _can_have_been_said(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[bool]:
        """Say of each hypothesis whether it bears no sign of hallucination, transcripts unseen."""
        blind = {id(sample): evolve(sample, reference=None) for sample in samples}
        signs = self._hallucination.verify([blind[id(sample)] for sample in samples], hypotheses)
        return [score.passed is not False for score in signs]

    def _score_rollout(self, texts: Sequence[Words]) -> dict[Words, Score]:
        """Return the score of each different text among two or more."""
        drawn = Counter(texts)
        different = sorted(drawn)  # sums in one order, whatever the order of the hypotheses
        times = np.array([drawn[text] for text in different])
        # Row i, column j: how many hypotheses other than one of text i have text j.
        others = times - np.eye(len(different))
        agreement = (_agreements(different) * others).sum(axis=1) / (len(texts) - 1)
        identical = (times - 1) / (len(texts) - 1)
        return {
            text: self._score(bool(text), float(agreement[i]), float(identical[i]))
            for i, text in enumerate(different)
        }

    def _score(self, says_something: bool, agreement: float, identical: float) -> Score:
        assert self._threshold is not None
        metrics = {"agreement": agreement, "identical": identical}
        if not says_something:
            return Score(0.0, False, metrics)
        return Score(agreement, agreement >= 1.0 - self._threshold, metrics)


def _agreements(texts: Sequence[Words]) -> np.ndarray:
    """Return max(0, 1 − WER) of each text (rows) against each as the reference (columns)."""
    numbers: dict[str, int] = {}
    coded = [
        "".join(chr(numbers.setdefault(word, len(numbers))) for word in text) for text in texts
    ]
    edits = process.cdist(coded, coded, scorer=Levenshtein.distance, dtype=np.int32)
    # As in jiwer 4: against an empty reference the rate is the number of insertions.
    lengths = np.maximum(1, [len(text) for text in texts])
    return np.maximum(0.0, 1.0 - edits / lengths)
