"""Notes of transcribers: what a reference says about the recording, and nobody said in it."""

from __future__ import annotations

import re

_NOTE = re.compile(
    r"\((?!\d{3,5}\))[^()]*\)|（[^（）]*）"  # (laughs), but not the (914) of a telephone number
    r"|\[[^\[\]]*\]|［[^［］]*］"  # [music]
    r"|<(?! )[^<>]*(?<! )>|＜[^＜＞]*＞"  # <unk>, but not a < b and b > c
)
DEEPEST_NOTE = 8
"""Notes inside of notes are looked for so often; deeper ones are no writing of a human."""


def without_notes(text: str) -> str:
    """Return a reference without what stands in (), [] and <>.

    A bracket without its partner is left; it is punctuation.

    >>> without_notes("so [laughs (softly)] we go <noise>"), without_notes("(914) 555-1234")
    ('so   we go  ', '(914) 555-1234')
    """
    for _ in range(DEEPEST_NOTE):
        text, found = _NOTE.subn(" ", text)
        if not found:
            break
    return text
