"""How a CTC model spells a text with the characters that it has."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping

SPOKEN_SIGNS = frozenset("&%@#")
"""Punctuation by Unicode's classes that is read aloud as a word."""

APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'"})


class Spelling:
    """The characters of a CTC model.

    A character that the model lacks is written in the other case where it has that. Punctuation
    that it lacks is left out, dashes as spaces: nobody hears it. Anything else it lacks (letters
    with accents, digits, "&") it cannot spell.

    Args:
        characters: The token of each character; none of the tokens that are no text.
    """

    def __init__(self, characters: Mapping[str, int]) -> None:
        self._ids = characters

    def words(self, text: str) -> tuple[list[list[int]], Counter[str]]:
        """Return the tokens of each word that has any, and how often characters are lacking."""
        unknown: Counter[str] = Counter()
        words = []
        for word in self._spaced(text).split():
            word_tokens: list[int] = []
            for character in word:
                spelling = self._spelling(character)
                if spelling is not None:
                    word_tokens += spelling
                elif not _is_silent(character):
                    unknown[character] += 1
            if word_tokens:
                words.append(word_tokens)
        return words, unknown

    def unknown_characters(self, text: str) -> Counter[str]:
        """Count the characters of a text that the model cannot spell."""
        return self.words(text)[1]

    def _spaced(self, text: str) -> str:
        """Return a text with the dashes and apostrophes that the model has."""
        composed = unicodedata.normalize("NFC", text)
        if "'" in self._ids:
            composed = composed.translate(APOSTROPHES)
        return "".join(
            " " if unicodedata.category(c) == "Pd" and c not in self._ids else c for c in composed
        )

    def _spelling(self, character: str) -> list[int] | None:
        """Return a character's tokens, in the other case if need be; None where it has none."""
        for form in (character, character.upper(), character.lower()):
            if all(c in self._ids for c in form):
                return [self._ids[c] for c in form]
        return None


def _is_silent(character: str) -> bool:
    category = unicodedata.category(character)
    return (category.startswith("P") and character not in SPOKEN_SIGNS) or category == "Cf"
