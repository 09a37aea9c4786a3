"""Number words as digits, by language: a stand-in."""

from __future__ import annotations

from collections.abc import Callable


def numbers_of(language: str) -> Callable[[str], str] | None:
    """Return what turns the number words of a language into digits; None where nothing does."""
    return None
