"""Loops: how much of a text only repeats what stands immediately before it."""

from __future__ import annotations

from collections.abc import Sequence
from string import punctuation

from audioforge_verifiers.words import size_in_words, words_of

TIMES_IN_A_ROW = 3
"""How often something is said in a row before it counts: people do say a thing twice."""

MAX_PERIOD = 50
"""The longest phrase, in words, whose repetition is looked for."""

LONG_WORD = 20
"""Length in characters from which a word is searched for loops of its own, as in "hahaha…"."""

LETTERS_IN_A_WORD = 4
"""How many repeated characters inside a word count as one repeated word."""

_MARKS = punctuation + "…“”‘’«»¿¡。，、！？；：「」"


def repeated_words(text: str) -> float:
    """Return the size, in words, of the longest loop beyond its first round.

    A loop is a stretch in which each word is the one that stood p words before (p ≤ `MAX_PERIOD`),
    and which goes on for `TIMES_IN_A_ROW` rounds at least. Case and the punctuation around words do
    not count; a text of nothing but marks ("♪ ♪ ♪ …") is compared as it is.

    >>> repeated_words("no no no, she said"), repeated_words("bye bye")
    (2.0, 0.0)
    >>> repeated_words("so thank you. Thank you. Thank you. Thank you.")
    6.0
    """
    words = [word.strip(_MARKS) or word for word in words_of(text.casefold())]
    inside = [_longest_loop(word) for word in words if len(word) >= LONG_WORD]
    return max(
        size_in_words(_longest_loop(words)),
        max(map(len, inside), default=0) / LETTERS_IN_A_WORD,
    )


def _longest_loop(units: Sequence[str]) -> Sequence[str]:
    """Return the longest stretch that only repeats what stands before it."""
    if len(units) - len(set(units)) < TIMES_IN_A_ROW - 1:
        return units[:0]
    longest = units[:0]
    for period in range(1, min(MAX_PERIOD, len(units) // TIMES_IN_A_ROW) + 1):
        start = period  # of the stretch in which every unit repeats the one a period before
        for place in range(period, len(units) + 1):
            if place < len(units) and units[place] == units[place - period]:
                continue
            length = place - start
            if length > len(longest) and length >= (TIMES_IN_A_ROW - 1) * period:
                longest = units[start:place]
            start = place + 1
    return longest
