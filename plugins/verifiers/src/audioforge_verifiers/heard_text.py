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
from audioforge_verifiers.words import size_in_words

FEWEST_WORDS = 2
"""A single word at the end a recogniser may lose, or add, by itself; so may it two characters of a
script without spaces, which are one."""


class HeardText(WordErrorRate):
    """As `wer`, but 0 for speech that stops early or goes on."""

    metrics = (*WordErrorRate.metrics, "unsaid_at_end", "said_after_end")

    def _score(self, written: str, reference: str, text: str) -> Score:
        score = super()._score(written, reference, text)
        if score.reward is None:
            return score
        right, heard = self._units(reference), self._units(text)
        unsaid, more = beyond(right, heard), beyond(heard, right)
        metrics = {
            "unsaid_at_end": _words_in(right[len(right) - unsaid :]),
            "said_after_end": _words_in(heard[len(heard) - more :]),
        }
        score = evolve(score, metrics={**score.metrics, **metrics})
        return score if ends_with_text(score) else worth_nothing(score)


def ends_with_text(score: Score) -> bool:
    """Whether speech that was scored ends neither early nor late, as far as its words tell."""
    return max(score.metrics["unsaid_at_end"], score.metrics["said_after_end"]) < FEWEST_WORDS


def worth_nothing(score: Score) -> Score:
    """Return a score with reward 0; what was measured stays."""
    return evolve(score, reward=0.0, passed=False)


def _words_in(units: Sequence[str]) -> float:
    """Return how many words units are: a character of a script without spaces is half of one."""
    return min(float(len(units)), size_in_words(units))


def beyond(words: Sequence[str], others: Sequence[str]) -> int:
    """Return how many words stand after the last of those that match others best.

    They are matched word by word, and letter by letter without their spaces, and the fewer of both
    count: in words that were written apart or as one, and in words that were misheard, one of the
    two takes a word for missing.

    >>> beyond("one two three four".split(), "one two".split())
    2
    >>> beyond("one two three four".split(), "one two tree".split())
    1
    >>> beyond("what was it there for".split(), "what was it therefore".split())
    0
    """
    lengths = range(len(words), -1, -1)  # of several that are as near, the longest
    nearest = min(lengths, key=lambda length: Levenshtein.distance(words[:length], others))
    if nearest == len(words):
        return 0
    whole = "".join(others)
    as_one = min(lengths, key=lambda length: Levenshtein.distance("".join(words[:length]), whole))
    return len(words) - max(nearest, as_one)
