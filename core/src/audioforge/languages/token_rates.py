"""How many tokens a second of speech can take, by the scripts of its language.

Whisper's byte-level tokens were learnt from text that is mostly English: a Latin letter takes 0.25
to 0.6 of a token, one of the scripts in `MIDDLE` 0.3 to 1.25, a Georgian, Malayalam or Burmese one
2 to 3. Nobody says 25 characters a second for long (fast English is 20, fast Chinese 9). The
transcripts of fast speech stay below the product, so that only what was not said goes beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable

from audioforge.languages.scripts import NAMES, scripts_of

CHARACTERS_A_SECOND = 25.0
LATIN, OTHER = 0.6, 3.0
"""Tokens for each character, of Latin letters and of scripts that nothing is said of here."""
MIDDLE = dict.fromkeys(
    (
        "Arab",
        "Bopo",
        "Cyrl",
        "Deva",
        "Grek",
        "Hang",
        "Hani",
        "Hebr",
        "Hira",
        "Kana",
        "Taml",
        "Thai",
    ),
    1.2,
)
"""Tokens for each character of scripts of which Whisper has read much."""


def most_tokens_per_second(languages: Iterable[str | None]) -> float:
    """Return how many tokens a second no honest transcript of some languages goes beyond.

    It is that of the script with the most, since one limit serves all clips.

    >>> most_tokens_per_second(["en"]), most_tokens_per_second(["en", "ru"])
    (15.0, 30.0)
    >>> most_tokens_per_second(["my"]), most_tokens_per_second(["en", None])
    (75.0, 75.0)

    Args:
        languages: Codes of languages; None for one that is not known.
    """
    return CHARACTERS_A_SECOND * max(map(_tokens_per_character, set(languages)), default=OTHER)


def _tokens_per_character(language: str | None) -> float:
    scripts = scripts_of(language) & NAMES.keys() if language else ()
    known = {"Latn": LATIN, **MIDDLE}
    return max((known.get(script, OTHER) for script in scripts), default=OTHER)
