"""English: a stand-in."""

from __future__ import annotations

from audioforge_verifiers.normalizers.words_1 import words_1


def english_1(text: str) -> str:
    """Return an English text normalised."""
    return words_1(text)
