"""Text normalisers: what is done to reference and hypothesis before they are compared.

`whisper-english`: lower case, no punctuation, contractions spelt out, American spelling, and
numbers as digits. It joins spoken digits into one number ("seven three five" becomes "735"), which
makes one wrong digit a whole wrong word: score digit strings with `none`.
`whisper-basic`: lower case, symbols and punctuation become spaces; diacritics are kept.
`none`: the raw text; words are what blanks separate (as in jiwer, tabs and no-break spaces do not).

The first two are Transformers' implementations of Whisper's normalisers (Radford et al. 2022,
appendix C).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from importlib import resources

from audioforge.errors import ConfigError, PluginError, did_you_mean
from audioforge.torch_companions import hide_broken_companions

Normalizer = Callable[[str], str]

REMEMBERED_TEXTS = 4096

NAMES = ("whisper-english", "whisper-basic", "none")


def get_normalizer(name: str) -> Normalizer:
    """Return the normaliser called `name`.

    Raises:
        ConfigError: If there is none of that name.
        PluginError: If Transformers, which has them, cannot be imported.
    """
    if name == "none":
        return _unchanged
    if name not in NAMES:
        raise ConfigError(
            [f"normalizer: no text normaliser is called '{name}'. {did_you_mean(name, NAMES)}"]
        )
    hide_broken_companions()
    try:
        from transformers.models.whisper.english_normalizer import (
            BasicTextNormalizer,
            EnglishTextNormalizer,
        )
    except Exception as error:  # a broken torch raises RuntimeError or OSError
        raise PluginError(
            f"normalizer {name}: Transformers cannot be imported: {type(error).__name__}: {error}. "
            f"Reinstall audioforge-verifiers, or take the normaliser none."
        ) from error

    if name == "whisper-basic":
        return _stripped(BasicTextNormalizer())
    table = resources.files("audioforge_verifiers") / "data" / "english_spelling.json"
    return _stripped(EnglishTextNormalizer(json.loads(table.read_text(encoding="utf-8"))))


def _unchanged(text: str) -> str:
    return text


def _stripped(normalizer: Normalizer) -> Normalizer:
    # The basic normaliser leaves a space where punctuation stood at an end, which counts as a
    # character. A text comes again: a reference with each of its k hypotheses, for each verifier.
    @lru_cache(maxsize=REMEMBERED_TEXTS)
    def stripped(text: str) -> str:
        return normalizer(text).strip()

    return stripped
