"""Words in any script, for the verifiers that count them one by one.

Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces: there every character
stands for itself, as in the mixed error rate of code-switched speech recognition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
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


def words_of(text: str) -> list[str]:
    """Return the words of a text, and each character of a script without spaces by itself.

    >>> words_of("go  to 北京 now")
    ['go', 'to', '北', '京', 'now']
    """
    return text.split() if text.isascii() else _WORD.findall(text)


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
