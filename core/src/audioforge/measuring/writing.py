"""How texts are written: their case and punctuation, and what is left without these."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

APOSTROPHES = "'\u2019\u02bc"
"""Between the letters of a word; without them it stays one word."""
NEARLY_ALL, HARDLY_ANY = 0.9, 0.02
"""Shares of capitals among letters that have case: above, a text is in capitals; below, in lower
case, but for a name."""
PUNCTUATED = 0.05
"""Marks per word from which on a text has punctuation; running English has 0.15."""


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
    capitals = sum(map(str.isupper, text))
    cased = capitals + sum(map(str.islower, text))
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
