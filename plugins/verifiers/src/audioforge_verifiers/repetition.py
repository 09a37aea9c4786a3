"""Loops: how much of a text only repeats what stands immediately before it."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence

from audioforge_verifiers.normalizers.characters import alike_in_any_language
from audioforge_verifiers.words import LONG_WORD, size_in_words, words_of

TIMES_IN_A_ROW = 3
"""How often something is said in a row before it counts: people do say a thing twice."""

LETTERS_IN_A_WORD = 4
"""How many repeated characters inside of a `LONG_WORD`, as in "hahaha…", count as one word."""


def repeated_words(text: str) -> float:
    """Return the size, in words, of the longest loop beyond its first round.

    A loop is a stretch in which each word is the one that stood p words before, for any p, and
    which goes on for `TIMES_IN_A_ROW` rounds at least. Case, marks around and inside of words and
    what cannot be seen do not count; a text of nothing but marks ("♪ ♪ ♪ …") is compared as it is.

    >>> repeated_words("no no no, she said"), repeated_words("bye bye")
    (2.0, 0.0)
    >>> repeated_words("so thank you. Thank you. (Thank you.) Thank\u200b you!")
    6.0
    """
    if not text.isascii():
        text = alike_in_any_language(text)  # what cannot be seen would make one word many
    words = [_without_marks(word) for word in words_of(text.casefold())]
    inside = [_longest_loop(word) for word in words if len(word) >= LONG_WORD]
    return max(
        size_in_words(_longest_loop(words)),
        max(map(len, inside), default=0) / LETTERS_IN_A_WORD,
    )


def _without_marks(word: str) -> str:
    """Return the letters and digits of a word, with their accents; all of it if there are none."""
    if word.isalnum():
        return word
    return "".join(c for c in word if unicodedata.category(c)[0] in "LMN") or word


def _longest_loop(units: Sequence[str]) -> Sequence[str]:
    """Return the longest stretch that only repeats what stands before it."""
    longest = units[:0]
    if len(units) - len(set(units)) < TIMES_IN_A_ROW - 1:
        return longest
    for period in range(1, len(units) // TIMES_IN_A_ROW + 1):
        # Of these and longer periods no stretch is longer.
        if len(units) - period <= len(longest):
            break
        wanted = max((TIMES_IN_A_ROW - 1) * period, len(longest) + 1)
        block = (wanted + 1) // 2  # a stretch of the wanted length holds one of these blocks whole
        end = 0
        for place in range(period, len(units) - block + 1, block):
            if place < end or units[place] != units[place - period]:
                continue
            if units[place : place + block] == units[place - period : place + block - period]:
                start, end = _stretch_around(units, place, period)
                if end - start >= max(wanted, len(longest) + 1):
                    longest = units[start:end]
    return longest


def _stretch_around(units: Sequence[str], place: int, period: int) -> tuple[int, int]:
    """Return where the stretch around a place starts and ends that repeats every period."""

    def repeats(start: int, end: int) -> bool:
        return units[start:end] == units[start - period : end - period]

    before, after = range(period, place), range(place + 1, len(units) + 1)
    start = period + bisect_left(before, True, key=lambda start: repeats(start, place))
    end = place + bisect_left(after, True, key=lambda end: not repeats(place, end))
    return start, end
