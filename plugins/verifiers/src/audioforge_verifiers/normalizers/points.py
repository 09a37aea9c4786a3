"""Vowel points: what Arabic and Hebrew are written with for learners, and mostly without."""

from __future__ import annotations

import re
import unicodedata

_POINTS = re.compile(
    "["
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew accents and points
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u08ca-\u08e1\u08e3-\u08ff"  # Arabic vowels, doubling, and signs for recitation
    "]+"
)


def without_points(text: str) -> str:
    """Return a text without the vowel points of Arabic and Hebrew.

    The hamza and the madda that are part of a letter stay: they tell words apart.

    >>> without_points("كِتَابٌ"), without_points("שָׁלוֹם")
    ('كتاب', 'שלום')
    """
    return text if text.isascii() else _POINTS.sub("", unicodedata.normalize("NFC", text))
