"""A run's normaliser: chosen by name, and every text normalised once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from audioforge.errors import ConfigError, did_you_mean
from audioforge_verifiers.normalizers.characters import alike_in_any_language
from audioforge_verifiers.normalizers.english_1 import english_1
from audioforge_verifiers.normalizers.languages import primary_language
from audioforge_verifiers.normalizers.notes import without_notes
from audioforge_verifiers.normalizers.points import without_points
from audioforge_verifiers.normalizers.whisper import whisper_basic, whisper_english
from audioforge_verifiers.normalizers.words_1 import separated, words_1
from audioforge_verifiers.words import is_unspaced, words_of

REMEMBERED_REFERENCES = 65_536
"""References come again with each hypothesis, each verifier and each cycle."""
REMEMBERED_HYPOTHESES = 4096
"""Hypotheses come again with each verifier, and greedy ones from cycle to cycle."""

Rules: TypeAlias = Callable[[str, str | None], str]
"""What makes one of a text and its language."""


class Normalizer:
    """A text normaliser, the same for all verifiers of a process.

    Args:
        name: Its name, with its version.
        rules: What is done to a text, given its language.
        has_notes: Whether what stands in brackets in a reference is a note on the recording.
        by_language: Whether the rules depend on the language.
    """

    def __init__(
        self, name: str, rules: Rules, *, has_notes: bool = False, by_language: bool = False
    ) -> None:
        """Start with nothing remembered."""
        self.name = name
        self._by_language = by_language

        def of_reference(text: str, language: str | None) -> str:
            return rules(without_notes(text) if has_notes else text, language)

        self._of_reference = lru_cache(REMEMBERED_REFERENCES)(of_reference)
        self._of_hypothesis = lru_cache(REMEMBERED_HYPOTHESES)(rules)

    def reference(self, text: str, language: str | None = None) -> str:
        """Return a reference normalised: without notes, where the normaliser knows any.

        Args:
            text: The reference.
            language: The clip's language, where known.
        """
        return self._of_reference(text, language if self._by_language else None)

    def hypothesis(self, text: str, language: str | None = None) -> str:
        """Return a hypothesis normalised: what it holds in brackets was not said, and costs.

        Args:
            text: What the model said.
            language: The clip's language, where known: that of the reference, not of the text.
        """
        return self._of_hypothesis(text, language if self._by_language else None)


@lru_cache
def get_normalizer(name: str) -> Normalizer:
    """Return the normaliser called `name`; all who ask share what it remembers.

    Raises:
        ConfigError: If there is none of that name.
        PluginError: If Transformers, which has Whisper's, cannot be imported.
    """
    if name not in _MAKERS:
        raise ConfigError(
            [f"normalizer: no text normaliser is called '{name}'. {did_you_mean(name, NAMES)}"]
        )
    return _MAKERS[name](name)


def _english(text: str, language: str | None) -> str:
    """English rules for what is English, and the general ones for letters that are not."""
    if text.isascii():
        return english_1(text)
    text = alike_in_any_language(text)
    if is_unspaced(text):  # an English word may stand right beside a character that is a unit
        text = " ".join(words_of(text))
    return separated(english_1(text))


def _unpointed(text: str, language: str | None) -> str:
    return words_1(without_points(alike_in_any_language(text)), language)


def _by_language(text: str, language: str | None) -> str:
    is_english = primary_language(language) in (
        "en",
        None,
    )  # as `normalizer_for` takes unknown ones
    return _english(text, language) if is_english else words_1(text, language)


def _unchanged(text: str, language: str | None) -> str:
    return text


_MAKERS: dict[str, Callable[[str], Normalizer]] = {
    "english-1": lambda name: Normalizer(name, _english, has_notes=True),
    "words-1": lambda name: Normalizer(name, words_1, has_notes=True, by_language=True),
    "words-1-unpointed": lambda name: Normalizer(
        name, _unpointed, has_notes=True, by_language=True
    ),
    "by-language-1": lambda name: Normalizer(name, _by_language, has_notes=True, by_language=True),
    "whisper-english": lambda name: Normalizer(name, whisper_english()),
    "whisper-basic": lambda name: Normalizer(name, whisper_basic()),
    "none": lambda name: Normalizer(name, _unchanged),
}

NAMES = tuple(_MAKERS)
