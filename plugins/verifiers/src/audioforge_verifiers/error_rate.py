"""The verifiers `wer` and `cer`: edit distance between transcript and reference.

The alignment is rapidfuzz's, which jiwer, too, computes with; the counts are jiwer's. It is called
directly since jiwer's own part (its transforms, its numbering of words) took three quarters of the
time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from attrs import field, frozen
from attrs.validators import ge, optional
from rapidfuzz.distance import Levenshtein

from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric
from audioforge_verifiers.transcripts import TranscriptVerifier
from audioforge_verifiers.words import is_emptied, is_unspaced, words_of

EDITS = ("substitutions", "deletions", "insertions")


@frozen
class ErrorRateOptions:
    """Options of `wer` and `cer`.

    Attributes:
        threshold: Error rate up to which a transcript passes; None for the run's `wer_threshold`.
    """

    threshold: float | None = field(default=None, validator=optional(ge(0)))


class ErrorRate(TranscriptVerifier):
    """Reward max(0, 1 − error rate).

    The error rate is (substitutions + deletions + insertions) / units of the reference; it can
    exceed 1 and is not clipped in the metrics. Empty texts follow jiwer 4: an empty reference with
    an empty hypothesis has rate 0, and with n units said has rate n, so that its reward is 0. A
    reference that is not empty, and of which the normaliser leaves nothing, cannot be judged by.
    """

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one without a reference, or that is not text, cannot be judged."""
        normalizer = self._normalizer
        if normalizer is None:
            raise RuntimeError("setup comes before verify")
        return [
            Score(None)
            if sample.reference is None or hypothesis.text is None
            else self._score(
                sample.reference,
                normalizer.reference(sample.reference, sample.language),
                normalizer.hypothesis(hypothesis.text, sample.language),
            )
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    @abstractmethod
    def _units(self, text: str) -> Sequence[str]:
        """Return what is counted of a normalised text."""

    @abstractmethod
    def _rates(self, reference: str) -> Mapping[str, str]:
        """Return the names of the rate, each with that of its units, for such a reference."""

    def _score(self, written: str, reference: str, text: str) -> Score:
        if is_emptied(written, reference):
            return Score(None)
        right = self._units(reference)
        counts = _counts(right, right if text == reference else self._units(text))
        edits = counts["substitutions"] + counts["deletions"] + counts["insertions"]
        # jiwer 4: with an empty reference the rate is the number of insertions.
        rate = edits / len(right) if right else edits
        metrics = counts
        for name, units in self._rates(reference).items():
            metrics[name], metrics[units] = rate, float(len(right))
        assert self._threshold is not None
        return Score(max(0.0, 1.0 - rate), rate <= self._threshold, metrics)


class WordErrorRate(ErrorRate):
    """Word error rate; the mixed error rate where a reference has a script without spaces.

    Such a reference is counted in characters, and in words where it holds words, so that its rate
    is no word error rate: it is called `mer`, and summed by itself. The reference alone decides, so
    that no model can take a clip out of a corpus' rate by what it answers. A clip in which nothing
    is said has no units of either kind, and what is said of it counts in both.
    """

    metrics: ClassVar[tuple[str, ...]] = (
        "wer",
        "mer",
        "hits",
        *EDITS,
        "reference_words",
        "reference_units",
    )
    corpus_metrics = (
        CorpusMetric("wer", EDITS, "reference_words", higher_is_better=False),
        CorpusMetric("mer", EDITS, "reference_units", higher_is_better=False),
    )

    def _units(self, text: str) -> Sequence[str]:
        return words_of(text)

    def _rates(self, reference: str) -> Mapping[str, str]:
        if not reference or reference.isspace():
            return _BOTH
        return _OF_UNITS if is_unspaced(reference) else _OF_WORDS


class CharacterErrorRate(ErrorRate):
    """Character error rate; spaces between words count as characters."""

    metrics = ("cer", "hits", *EDITS, "reference_characters")
    corpus_metrics = (CorpusMetric("cer", EDITS, "reference_characters", higher_is_better=False),)

    def _units(self, text: str) -> Sequence[str]:
        return text.strip()

    def _rates(self, reference: str) -> Mapping[str, str]:
        return _OF_CHARACTERS


_OF_WORDS = {"wer": "reference_words"}
_OF_UNITS = {"mer": "reference_units"}
_BOTH = _OF_WORDS | _OF_UNITS
_OF_CHARACTERS = {"cer": "reference_characters"}


def _counts(reference: Sequence[str], units: Sequence[str]) -> dict[str, float]:
    """Return hits and edits of an alignment with the fewest edits."""
    edits = {"replace": 0.0, "delete": 0.0, "insert": 0.0}
    if units is not reference:
        for edit, *_ in Levenshtein.editops(reference, units).as_list():
            edits[str(edit)] += 1.0
    return {
        "hits": len(reference) - edits["replace"] - edits["delete"],
        "substitutions": edits["replace"],
        "deletions": edits["delete"],
        "insertions": edits["insert"],
    }
