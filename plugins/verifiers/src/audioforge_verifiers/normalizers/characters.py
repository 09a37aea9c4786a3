"""One way to write each character, whatever the language: the first step of every normaliser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

APOSTROPHES = "'’‘ʼʻʹʽ′‛`´ˈ՚׳Ꞌꞌ＇"
"""What is written for an apostrophe: the typewriter's, quotes, primes, letters and accents."""

_MARKS_INSIDE_WORDS = "\u055b\u055c\u055e"
"""Armenian stress, exclamation and question: written on a vowel, in the middle of the word."""

_UNSEEN = re.compile(
    "[\u034f\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Fillers and selectors of a variant that are no format characters, and Arabic's tatweel, which
only makes a word longer."""

_PRESENTATION_FORMS = re.compile(
    "[\u0132\u0133\u013f\u0140\u0149\u01c4-\u01cc\u01f1-\u01f3"  # two Latin letters in one
    "\ufb00-\ufdff\ufe70-\ufefe\uff01-\uffef]"  # ligatures, Arabic shapes, full and half width
)

_ATOMIC = {
    "\u0d23\u0d4d\u200d": "\u0d7a",
    "\u0d28\u0d4d\u200d": "\u0d7b",
    "\u0d30\u0d4d\u200d": "\u0d7c",
    "\u0d32\u0d4d\u200d": "\u0d7d",
    "\u0d33\u0d4d\u200d": "\u0d7e",
    "\u0d15\u0d4d\u200d": "\u0d7f",
    "\u09a4\u09cd\u200d": "\u09ce",
}
"""Malayalam chillus and the Bengali khanda ta as they were written before Unicode 5.1."""
_JOINED = re.compile("|".join(_ATOMIC))

_IN_ACRONYM = re.compile('(?<=[\u05d0-\u05ea])["״“”„](?=[\u05d0-\u05ea])')
"""The gershayim of a Hebrew acronym, which is one word."""


class CharacterTable(dict[int, str]):
    """A table for `str.translate` that is filled as characters come.

    Args:
        rule: Returns what stands for a character.
    """

    def __init__(self, rule: Callable[[str], str]) -> None:
        """Start empty."""
        self._rule = rule

    def __missing__(self, code: int) -> str:
        """Look a new character up; beyond the basic plane, where few are used, each time."""
        replacement = self._rule(chr(code))
        if code < 0x10000:
            self[code] = replacement
        return replacement


def alike_in_any_language(text: str) -> str:
    """Return a text with one way to write each character.

    Composed (NFC); letters of full and half width and presentation forms as plain letters; one
    apostrophe; nothing that cannot be seen.

    >>> alike_in_any_language("ＡＢ\u200b’ﬁ")
    "AB'fi"
    """
    if text.isascii() and text.isprintable():
        return text.replace("`", "'")
    if "\u200d" in text:
        text = _JOINED.sub(lambda match: _ATOMIC[match[0]], text)
    text = unicodedata.normalize("NFC", text).translate(_ALIKE)  # its result need not be composed
    text = unicodedata.normalize("NFC", text)
    return _IN_ACRONYM.sub("", text)


def _alike(character: str) -> str:
    if character in APOSTROPHES:
        return "'"
    if character.isspace():
        return " "
    if character in _MARKS_INSIDE_WORDS or _UNSEEN.match(character):
        return ""
    if _PRESENTATION_FORMS.match(character):
        plain = unicodedata.normalize("NFKC", character)
        return plain if plain == character else plain.translate(_ALIKE)
    return "" if unicodedata.category(character) in ("Cf", "Cc") else character


_ALIKE = CharacterTable(_alike)
