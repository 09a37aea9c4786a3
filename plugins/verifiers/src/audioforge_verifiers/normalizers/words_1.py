"""`words-1`: what any language but English is normalised with.

A text becomes words of letters with their marks, in one case, and digits, each a word by itself.
Punctuation and most symbols become spaces. What it does not know it leaves apart: Traditional and
Simplified Chinese, spellings with one sound, look-alikes from another script. Those are different
letters, and a word that mixes scripts is a wrong word: whoever learns from text would learn it.
"""

from __future__ import annotations

import re
import unicodedata

from audioforge_verifiers.normalizers.characters import CharacterTable, alike_in_any_language
from audioforge_verifiers.normalizers.languages import primary_language
from audioforge_verifiers.normalizers.letters import in_one_case
from audioforge_verifiers.normalizers.notation import CURRENCIES, notation_of
from audioforge_verifiers.normalizers.numbers import numbers_of
from audioforge_verifiers.words import is_unspaced, respaced, words_of

SPOKEN_SYMBOLS = "%&+@°" + "".join(CURRENCIES)
"""Symbols that stand for a word; others are not said."""

_CURRENCY_FIRST = re.compile(rf"([{''.join(CURRENCIES)}]) ?(\d(?:[\d.,]*\d)?)")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,:])(\d+),(\d\d?|\d{4,})(?![.,:]?\d)")
_DECIMAL = re.compile(r"(?<![\d.,:])(\d+)[.,](\d\d?|\d{4,})(?![.,:]?\d)")
_DIGIT = re.compile(r"\d")
_MIDDLE_DOT = re.compile("(?<=[lL])[·•‧](?=[lL])")


def words_1(text: str, language: str | None = None) -> str:
    """Return a text normalised.

    Args:
        text: Any text.
        language: Its language, for the rules of case and notation and for number words; None where
            it is not known.

    >>> words_1("L’été, 12 000 pas!"), words_1("ISPARTA", "tr")
    ("l'été 1 2 0 0 0 pas", 'ısparta')
    """
    own = primary_language(language)
    text = alike_in_any_language(text)
    notation = notation_of(own)
    text = notation.phrases_written_out(text)
    if own is not None and (numbers := numbers_of(own)) is not None:
        text = numbers(text)
    if _DIGIT.search(text):
        text = _CURRENCY_FIRST.sub(r"\2 \1", text)
        decimal = _DECIMAL_COMMA if notation.has_decimal_comma else _DECIMAL
        text = decimal.sub(rf"\1 {notation.decimal} \2", text)
    return notation.words_alike(separated(in_one_case(text, own)))


def separated(text: str) -> str:
    """Return words with one space between them; nothing but letters, marks and digits is left.

    >>> separated("the end (of it) -- १२ o'clock 北 京")
    "the end of it 1 2 o'clock 北京"
    """
    if "l" in text:
        text = _MIDDLE_DOT.sub("ꞏ", text)
    text = text.translate(_SEPARATED)
    if "''" in text:
        text = text.replace("''", " ")
    words = words_of(text)
    if "'" in text or not text.isascii():
        words = [bare for word in words if (bare := word if word.isalpha() else _bare(word))]
    return respaced(words) if is_unspaced(text) else " ".join(words)


def _bare(word: str) -> str:
    """Return a word without apostrophes at its ends, and without marks that belong to no letter."""
    start = 0
    while start < len(word) and (word[start] == "'" or unicodedata.category(word[start])[0] == "M"):
        start += 1
    return word[start:].rstrip("'")


def _separated(character: str) -> str:
    category = unicodedata.category(character)
    if character == "'":
        return character
    if category == "Nd":
        return f" {unicodedata.digit(character)} "
    if character in SPOKEN_SYMBOLS:
        return f" {character} "
    # Private and unassigned ones may be letters of a script that this Python does not know.
    return character if category[0] in "LMN" or category in ("Co", "Cn") else " "


_SEPARATED = CharacterTable(_separated)
