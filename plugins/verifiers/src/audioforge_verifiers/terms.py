"""Lists of terms: reading them, and finding them in a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from audioforge.errors import ConfigError

Term = tuple[str, ...]
"""The words of a term."""


def read_terms(path: Path) -> list[str]:
    """Read a file with one term a line; empty lines and lines that start with `#` are left out.

    Raises:
        ConfigError: If the file cannot be read, is not UTF-8 text, or holds no term.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError([f"hotwords.terms: {path}: {error.strerror}"]) from error
    except ValueError as error:  # not UTF-8, or a path that no system takes
        raise ConfigError([f"hotwords.terms: {path}: not UTF-8 text: {error}"]) from error
    terms = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not terms:
        raise ConfigError([f"hotwords.terms: {path}: holds no term; write one on each line"])
    return terms


class TermFinder:
    """Finds terms in texts, the longest first.

    Where two terms could start, the longer one counts: with the terms "new york" and "york", the
    text "new york" holds the first only. Occurrences do not overlap. A number is no part of a
    longer one, whose digits may stand as words by themselves: "2" is not in "1 2", unless "1" is a
    term too.

    Args:
        terms: The terms, each with one word at least.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        """Index the terms by their first word."""
        self._terms = frozenset(terms)
        lengths: dict[str, set[int]] = {}
        for term in self._terms:
            lengths.setdefault(term[0], set()).add(len(term))
        self._lengths = {word: sorted(found, reverse=True) for word, found in lengths.items()}

    def count(self, words: Sequence[str]) -> Counter[Term]:
        """Return how often each term occurs in a text."""
        found = self._occurrences(words)
        while torn := [place for place in found if _tears_a_number(words, place, found)]:
            for place in torn:
                del found[place]
        return Counter(found.values())

    def _occurrences(self, words: Sequence[str]) -> dict[int, Term]:
        """Return each term that is found by the place of its first word."""
        found: dict[int, Term] = {}
        place = 0
        while place < len(words):
            term = self._term_at(words, place)
            if term is not None:
                found[place] = term
            place += 1 if term is None else len(term)
        return found

    def _term_at(self, words: Sequence[str], place: int) -> Term | None:
        for length in self._lengths.get(words[place], ()):
            candidate = tuple(words[place : place + length])
            if candidate in self._terms:
                return candidate
        return None


def _tears_a_number(words: Sequence[str], place: int, found: Mapping[int, Term]) -> bool:
    """Whether a digit stands right beside a term's own digit, and no other term has it."""
    end = place + len(found[place])
    before = place > 0 and words[place - 1].isdecimal() and words[place].isdecimal()
    after = end < len(words) and words[end].isdecimal() and words[end - 1].isdecimal()
    if after and end not in found:
        return True
    return before and not any(p + len(term) == place for p, term in found.items())
