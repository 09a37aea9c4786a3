"""What a language tag says that a normaliser goes by."""

from __future__ import annotations

import re
from functools import lru_cache

_TWO_LETTERS = {"eng": "en", "english": "en", "tur": "tr", "aze": "az", "fas": "fa", "per": "fa"}
"""Other names of those languages that have rules of their own; datasets settle the rest."""


@lru_cache(maxsize=1024)
def primary_language(language: str | None) -> str | None:
    """Return the language of a tag without its region and script.

    >>> primary_language("pt-BR"), primary_language("EN_us"), primary_language(None)
    ('pt', 'en', None)
    """
    if not language:
        return None
    first = re.split("[-_]", language.strip().lower())[0]
    return _TWO_LETTERS.get(first, first)
