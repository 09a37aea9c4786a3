"""Words in any script, for the verifiers that count them one by one.

Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces: there every character
is a unit of its own, as in the mixed error rate of code-switched speech recognition. Marks belong
to the character that they stand on: a Thai tone or a Burmese vowel sign is part of a unit, as it is
no letter by itself. (Thai vowels that stand in the line, such as เ and า, are letters.)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = {
    "Thai and Lao": ((0x0E00, 0x0EFF),),
    "Burmese": ((0x1000, 0x109F), (0xA9E0, 0xA9FE), (0xAA60, 0xAA7F)),
    "Khmer": ((0x1780, 0x17FF),),
    "Japanese": ((0x3005, 0x3005), (0x3007, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF)),
}
_IN_BLOCKS = [
    chr(code)
    for blocks in _BLOCKS.values()
    for first, last in blocks
    for code in range(first, last + 1)
]
_HAN = "\u3105-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HALF_WIDTH_KANA = "\uff66-\uff9d"
_MARKS = "\u0300-\u036f\uff9e\uff9f" + "".join(
    character for character in _IN_BLOCKS if unicodedata.category(character)[0] == "M"
)
_UNSPACED = "".join(c for c in _IN_BLOCKS if c not in _MARKS) + _HAN + _HALF_WIDTH_KANA
_WORD = re.compile(rf"[{_UNSPACED}][{_MARKS}]*|[^\s{_UNSPACED}]+")
_CHARACTER = re.compile(rf"[{_UNSPACED}]")

CHARACTER_IN_WORDS = 0.5
"""How much of a word a character of a script without spaces stands for: Chinese and Japanese words
have about two."""

LONG_WORD = 20
"""Letters from which on a word counts as several: few languages have such words, and text without
its spaces would count as one."""

LETTERS_OF_A_LONG_WORD = 10
"""How many letters of a long word count as one word."""

_SYLLABLE = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)

SYLLABLE_IN_LETTERS = 3
"""How many letters a Chinese character, a kana or a Korean syllable counts for."""


def is_emptied(written: str, normalized: str) -> bool:
    """Say whether a reference says something, of which a normaliser leaves nothing.

    >>> is_emptied("(laughs)", ""), is_emptied("", ""), is_emptied("Yes.", "yes")
    (True, False, False)
    """
    return not normalized.strip() and bool(written.strip())


def words_of(text: str) -> list[str]:
    """Return the words of a text, and each character of a script without spaces by itself.

    >>> words_of("go  to 北京 now"), words_of("เช้านี้")
    (['go', 'to', '北', '京', 'now'], ['เ', 'ช้', 'า', 'นี้'])
    """
    return text.split() if text.isascii() else _WORD.findall(text)


def is_unspaced(text: str) -> bool:
    """Whether a text holds characters of a script without spaces.

    >>> is_unspaced("go to 北京"), is_unspaced("서울에")
    (True, False)
    """
    return not text.isascii() and _CHARACTER.search(text) is not None


def respaced(units: Sequence[str]) -> str:
    """Return the units of a text as one text, with no space inside of a script without spaces.

    >>> respaced(["go", "to", "北", "京", "now"])
    'go to 北京 now'
    """
    parts = list(units[:1])
    for before, unit in pairwise(units):
        if not (_CHARACTER.match(unit) and _CHARACTER.match(before)):
            parts.append(" ")
        parts.append(unit)
    return "".join(parts)


def size_in_words(words: Sequence[str]) -> float:
    """Return how many words these are, with `CHARACTER_IN_WORDS` for a character by itself.

    >>> size_in_words(["go", "to", "北", "京"]), size_in_words(["thankyouforwatchingmychannel"])
    (3.0, 2.8)
    """
    characters = sum(1 for w in words if not w.isascii() and _CHARACTER.match(w))
    glued = sum(len(w) / LETTERS_OF_A_LONG_WORD - 1 for w in words if len(w) >= LONG_WORD)
    return len(words) - (1 - CHARACTER_IN_WORDS) * characters + glued


def count_letters(text: str) -> int:
    """Return the letters and digits of a text, with `SYLLABLE_IN_LETTERS` for a syllabic sign.

    >>> count_letters("route 66!"), count_letters("北京")
    (7, 6)
    """
    letters = sum(map(str.isalnum, text))
    return letters + (SYLLABLE_IN_LETTERS - 1) * len(_SYLLABLE.findall(text))
