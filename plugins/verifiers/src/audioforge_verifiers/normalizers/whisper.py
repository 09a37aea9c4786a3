"""Whisper's normalisers (Radford et al. 2022, appendix C), as Transformers has them.

They are here to compare with what others report. `whisper-basic` takes vowel signs away, both
delete what a hypothesis says in brackets, and `whisper-english` joins spoken digits into one
number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from audioforge.errors import PluginError

Rules = Callable[[str, str | None], str]


def whisper_english() -> Rules:
    """Return the rules of `whisper-english`.

    Raises:
        PluginError: If Transformers cannot be imported.
    """
    table = resources.files("audioforge_verifiers") / "data" / "english_spelling.json"
    spelling = json.loads(table.read_text(encoding="utf-8"))
    return _stripped(_transformers("whisper-english").EnglishTextNormalizer(spelling))


def whisper_basic() -> Rules:
    """Return the rules of `whisper-basic`.

    Raises:
        PluginError: If Transformers cannot be imported.
    """
    return _stripped(_transformers("whisper-basic").BasicTextNormalizer())


def _transformers(name: str) -> Any:
    """Return Transformers' module of both normalisers.

    It stands alone, and so is run without the rest, which takes seconds to import with torch.
    """
    try:
        library = find_spec("transformers")
        if library is None or library.origin is None:
            raise ModuleNotFoundError("No module named 'transformers'")
        path = Path(library.origin).parent / "models" / "whisper" / "english_normalizer.py"
        module = ModuleType(f"{__name__}_of_transformers")
        SourceFileLoader(module.__name__, str(path)).exec_module(module)
    except Exception as error:  # whatever stands there by another version
        raise PluginError(
            f"normalizer {name}: Transformers cannot be imported: {type(error).__name__}: {error}. "
            f"Reinstall audioforge-verifiers, or take one of AudioForge's own: english-1, words-1."
        ) from error
    return module


def _stripped(normalize: Callable[[str], str]) -> Rules:
    # The basic one leaves a space where punctuation stood at an end, which counts as a character.
    return lambda text, language: normalize(text).strip()
