"""Number words as digits, by language.

English has rules of its own (`english.py`), since its digit strings, years and times of day are
said in many ways. German, French, Spanish, Portuguese, Italian, Dutch and Danish are read by the
library text2num. In other languages a number word is a word: there "sieben" for "7" would cost, and
nothing pretends otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

READ_BY_TEXT2NUM = ("da", "de", "es", "fr", "it", "nl", "pt")

_SCALED = re.compile(r"\b(\d{1,3}(?:[.,]\d+)?|[Ee]ine) (1(?:000)+)\b")
"""Digits before a scale word, as "3 Millionen", of which text2num reads the second alone; "eine
Million" too."""

_ORDINAL = {
    "fr": re.compile(r"(?<=\d)(?:er|ère|re|ème|eme|e)\b", re.IGNORECASE),
    "nl": re.compile(r"(?<=\d)(?:ste|de|e)\b", re.IGNORECASE),
}
"""What is written behind the digits of an ordinal; it is a word of its own."""


@lru_cache
def numbers_of(language: str) -> Callable[[str], str] | None:
    """Return what turns the number words of a language into digits; None where nothing does.

    Args:
        language: A language of two letters.

    >>> numbers_of("de")("Zwölf von 3 Millionen, am einundzwanzigsten")
    '12 von 3000000, am 21.'
    """
    if language not in READ_BY_TEXT2NUM:
        return None
    from text_to_num import alpha2digit

    ordinal = _ORDINAL.get(language)

    def numbers(text: str) -> str:
        try:
            # From 0 on: "deux" is the same as "2" wherever it stands, and "un" as "1".
            text = alpha2digit(text, language, threshold=0)
        except UnicodeEncodeError:  # half of a surrogate pair, which is no text of any language
            return text
        if not any(map(str.isdigit, text)):
            return text
        text = _SCALED.sub(_multiplied, text)
        return ordinal.sub(" e", text) if ordinal else text

    return numbers


def _multiplied(match: re.Match[str]) -> str:
    times = "1" if match[1].isalpha() else match[1].replace(",", ".")
    value = Decimal(times) * int(match[2])
    return f"{value.normalize():f}"
