"""The word error rate of what is heard in generated speech, and whether that ends where it should.

A synthesiser may stop early, or go on after its text. In a rate that is an error for each word,
and speech that leaves the second half out would earn half; but it is no speech of the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from rapidfuzz.distance import Levenshtein

from audioforge.sample import Score
from audioforge_verifiers.error_rate import WordErrorRate

END_SHARE = 0.25
FEWEST_WORDS = 2
"""More than a quarter of the text, and two words at least: a recogniser may lose a single
word at the end."""


class HeardText(WordErrorRate):
    """As `wer`, but 0 for speech that stops early or goes on."""

    metrics = (*WordErrorRate.metrics, "unsaid_at_end", "said_after_end")

    def _score(self, written: str, reference: str, text: str) -> Score:
        score = super()._score(written, reference, text)
        if score.reward is None:
            return score
        right, heard = self._units(reference), self._units(text)
        unsaid, more = beyond(right, heard), beyond(heard, right)
        metrics = {"unsaid_at_end": float(unsaid), "said_after_end": float(more)}
        score = evolve(score, metrics={**score.metrics, **metrics})
        return score if ends_with_text(score) else evolve(score, reward=0.0, passed=False)


def ends_with_text(score: Score) -> bool:
    """Whether speech that was scored ends neither early nor late, as far as its words tell."""
    metrics = score.metrics
    wrong = max(metrics["unsaid_at_end"], metrics["said_after_end"])
    words = metrics.get("reference_words", metrics.get("reference_units", 0.0))
    return wrong < FEWEST_WORDS or wrong <= END_SHARE * words


def beyond(words: Sequence[str], others: Sequence[str]) -> int:
    """Return how many words stand after the last of those that match others best.

    >>> beyond("one two three four".split(), "one two".split())
    2
    >>> beyond("one two three four".split(), "one two tree".split())
    1
    """
    lengths = range(len(words), -1, -1)  # of several that match as well, the longest
    best = min(lengths, key=lambda length: Levenshtein.distance(words[:length], others))
    return len(words) - best
