"""Case, and letters that one language writes in two ways."""

from __future__ import annotations

import re
import unicodedata

TURKIC = frozenset({"tr", "az", "crh", "gag"})
"""Languages whose dotless ı is a letter of its own."""

_TURKIC_CASE = str.maketrans({"I": "ı", "İ": "i"})

_DOTTED_I = re.compile("i\u0307+")
"""What is left of İ in other languages: their i has its dot already."""

# Arabic letters that Persian and Urdu keyboards and fonts do not tell from their own.
_PERSIAN = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_URDU = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ۀ": "ۂ"})
_SHARED_LETTERS = {"fa": _PERSIAN, "ur": _URDU}

# The tone mark of an open syllable, on the first vowel (hòa) or on the second (hoà).
_NEW_TONES = dict(
    zip(
        ["oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"],
        ["òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"],
        strict=True,
    )
)
_NEW_TONE = re.compile(rf"(?<!q)(?:{'|'.join(_NEW_TONES)})\b")


def in_one_case(text: str, language: str | None) -> str:
    """Return a composed text folded to one case, by the rules of its language.

    >>> in_one_case("İstanbul IŞIK", "tr"), in_one_case("Straße ΟΔΟΣ", None)
    ('istanbul ışık', 'strasse οδοσ')
    """
    if language in TURKIC:
        text = text.translate(_TURKIC_CASE)
    if text.isascii():
        return text.lower()
    if language in _SHARED_LETTERS:
        text = text.translate(_SHARED_LETTERS[language])
    text = text.casefold()
    text = _DOTTED_I.sub("i", text)
    text = unicodedata.normalize("NFC", text)
    if language == "vi":
        text = _NEW_TONE.sub(lambda match: _NEW_TONES[match[0]], text)
    return text
