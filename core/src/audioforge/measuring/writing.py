"""How texts are written: their case and punctuation, and what is left without these."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

APOSTROPHES = "'\u2019\u02bc"
"""Between the letters of a word; without them it stays one word."""
SAID = "#%&*/@\u0609\u060a\u066a\u2030"
"""Signs that Unicode counts as punctuation, and that stand for a word."""
NEARLY_ALL, HARDLY_ANY = 0.9, 0.02
"""Shares of capitals among letters that have case: above, a text is in capitals; below, in lower
case, but for a name."""
PUNCTUATED = 0.05
"""Marks per word from which on a text has punctuation; running English has 0.15."""


@lru_cache(maxsize=4096)
def is_capital(letter: str) -> bool:
    """Whether a letter is a capital; Georgian and its like have letters for headlines, and no case.

    >>> [is_capital(c) for c in "Éé你\u10d0\u1c90"]
    [True, False, False, False, False]
    """
    return _has_case(letter) and letter != letter.lower()


@lru_cache(maxsize=4096)
def is_small_letter(letter: str) -> bool:
    """Whether a letter is a small one, of which there is a capital.

    >>> [is_small_letter(c) for c in "Éé你\u10d0\u1c90"]
    [False, True, False, False, False]
    """
    return _has_case(letter) and letter == letter.lower()


@lru_cache(maxsize=4096)
def is_written(character: str) -> bool:
    """Whether a character is a letter, a mark on one, or a digit."""
    return unicodedata.category(character)[0] in "LMN"


def is_punctuated(text: str) -> bool:
    """Whether a text holds a punctuation mark; one inside a word or a number is a part of it.

    Where words are not parted by blanks, marks are wide.

    >>> [is_punctuated(text) for text in ("So.", "it's a T-shirt at 3.50", "مرحبا، بك", "好，走")]
    [True, False, True, True]
    """
    if not any(map(_is_mark, set(text))):
        return False
    parted = f" {text} "
    return any(
        _is_mark(mark)
        and (unicodedata.east_asian_width(mark) in "WF" or not (is_written(a) and is_written(b)))
        for a, mark, b in zip(parted, text, parted[2:], strict=False)
    )


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    is_sign = character in APOSTROPHES or character in SAID
    return unicodedata.category(character)[0] == "P" and not is_sign


def _has_case(letter: str) -> bool:
    small = letter.lower()
    return small.title() != small


def without_case(text: str) -> str:
    """Return a text in one case.

    >>> without_case("Oh, STRASSE")
    'oh, strasse'
    """
    return text.casefold()


def without_punctuation(text: str) -> str:
    """Return a text without punctuation and symbols, which part words but for apostrophes.

    >>> without_punctuation("Don't – 7-1, 9.").split()
    ['Dont', '7', '1', '9']
    """
    return "".join(
        " " if unicodedata.category(c)[0] in "PS" else c for c in text if c not in APOSTROPHES
    )


def letters_alone(text: str) -> str:
    """Return the letters, marks and digits of a text, in one case and without blanks.

    >>> letters_alone("Hey, Fire fox!")
    'heyfirefox'
    """
    return "".join(without_punctuation(text).casefold().split())


def describe_case(texts: Iterable[str]) -> str:
    """Return in which case texts are.

    >>> describe_case(["SO IT IS"]), describe_case(["so it is"]), describe_case(["So", "it", "is"])
    ('in capitals', 'in lower case', 'in capitals and small letters')
    """
    text = "".join(texts)
    capitals = sum(map(is_capital, text))
    cased = capitals + sum(map(is_small_letter, text))
    if not cased:
        return "without letters that have case"
    if capitals > NEARLY_ALL * cased:
        return "in capitals"
    return "in lower case" if capitals < HARDLY_ANY * cased else "in capitals and small letters"


def describe_punctuation(texts: Iterable[str]) -> str:
    """Return whether texts have punctuation.

    >>> describe_punctuation(["So, it is."]), describe_punctuation(["it's so"])
    ('with punctuation', 'without punctuation')
    """
    text = " ".join(texts)
    marks = sum(unicodedata.category(c)[0] == "P" and c not in APOSTROPHES for c in text)
    is_punctuated = marks > PUNCTUATED * len(text.split())
    return "with punctuation" if is_punctuated else "without punctuation"
