"""`english-1`: the form in which two English transcripts are compared.

What sounds the same becomes the same text, and what sounds different stays different: lower case;
no punctuation, accents or invisible characters; contractions and common abbreviations spelt out;
American spelling; hyphens are blanks; fillers ("um") are gone; and every number is its digits, one
word per digit (`numbers.english`). A change to any rule or table of it is a new version.

Notes in brackets are not its business: who calls it removes them from references. Brackets that
are left are punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from audioforge_verifiers.normalizers.characters import APOSTROPHES
from audioforge_verifiers.normalizers.english_contractions import (
    contraction_apart,
    expand_contractions,
)
from audioforge_verifiers.normalizers.english_tables import (
    ABBREVIATIONS,
    AFTER_ADDRESS,
    COLLOQUIAL,
    DOTTED,
    FILLERS,
    INITIALS,
    JOINED,
    PLACES,
    spellings,
)
from audioforge_verifiers.normalizers.numbers.english import TOKEN, read_numbers
from audioforge_verifiers.normalizers.numbers.english_names import NUMBER_WORDS

# Each letter that is not one with a mark, as Whisper's normaliser spells it.
LETTERS = {"œ": "oe", "ø": "o", "æ": "ae", "ß": "ss", "đ": "d", "ð": "d", "þ": "th", "ł": "l"}
KEPT_SIGNS = frozenset("€£¥₹¢°×÷")
MINUS = dict.fromkeys("−‐‑‒–", "-")
VULGAR_FRACTIONS = {
    sign: f" {unicodedata.normalize('NFKC', sign).replace('⁄', '/')} " for sign in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
}
BEFORE_FOLDING = str.maketrans(
    VULGAR_FRACTIONS | {"⁄": "/", "№": "no. "} | dict.fromkeys(APOSTROPHES, "'")
)

FIGURES = re.compile(r"[\d$€£¥₹¢%°&@#+=×÷]")
BLANKS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})

_INITIALS = re.compile(r"(?<![^\W_])([a-z](?:\.\s?[a-z])+)\.?(?![^\W_])")
_DOTTED = re.compile(rf"\b({'|'.join(DOTTED)})\.(?=,?\s+[^\W_])")
_NUMERO = re.compile(r"\bnos?\.(?=\s*\d)")
_WEB = re.compile(r"(?<=[^\W_])\.(?=(?:com|org|net|edu|gov|info)\b)")

# What only the neighbours decide: initials, fillers, addresses, halves of words.
NEIGHBOURLY = (
    frozenset("bcdefghjklmnopqrstuvwxyz")
    | FILLERS
    | PLACES.keys()
    | {second for _, second in JOINED}
    | {"ve", "re", "ll"}
)


class _Characters(dict[int, str]):
    """What each character beyond ASCII becomes; found out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = becomes = _plain(chr(code))
        return becomes


def _plain(character: str) -> str:
    if character.isascii() or character in KEPT_SIGNS:
        return character
    if character in LETTERS or character in MINUS:
        return (LETTERS | MINUS)[character]
    if character.isdigit():
        return str(unicodedata.digit(character))
    base, *marks = [*unicodedata.normalize("NFKD", character)]
    if marks and base.isascii() and all(unicodedata.combining(mark) for mark in marks):
        return base
    category = unicodedata.category(character)
    if category == "Cf" or (
        category == "Mn" and unicodedata.name(character, "").startswith("COMBINING")
    ):
        return ""  # invisible, or an accent by itself
    return " " if category[0] in "CPSZ" else character


_CHARACTERS = _Characters()


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    return spellings() | ABBREVIATIONS | COLLOQUIAL


def english_1(text: str) -> str:
    """Return the English `text` in the form in which transcripts are compared."""
    if "US" in text and not text.isupper():
        text = re.sub(r"\bUS\b", "U S", text)  # in lower case it would be the pronoun
    if text.isascii():
        text = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", text.translate(BEFORE_FOLDING)).lower()
        text = folded.translate(_CHARACTERS)
    if "'" in text or "`" in text:
        text = expand_contractions(text.replace("`", "'"))
    if "." in text[:-1]:
        text = _without_full_stops(text)
    figures = FIGURES.search(text) is not None
    words = TOKEN.findall(text) if figures else text.translate(BLANKS).split()
    numbers = figures or not NUMBER_WORDS.isdisjoint(words)
    if numbers and not figures:
        words = TOKEN.findall(text)  # a comma ends a number
    if not NEIGHBOURLY.isdisjoint(words):
        words = _with_neighbours(words)
    if numbers:
        words = read_numbers(words)
    table = _words()
    return " ".join([table.get(word, word) for word in words])


def _without_full_stops(text: str) -> str:
    """Return `text` with dotted initials apart, dotted abbreviations and addresses spelt out."""
    text = _INITIALS.sub(lambda found: found[1].replace(".", " "), text)
    text = _DOTTED.sub(lambda found: DOTTED[found[1]], text)
    text = _NUMERO.sub("number ", text)
    return _WEB.sub(" dot ", text)


def _with_neighbours(words: list[str]) -> list[str]:
    """Join and spell out what depends on the words beside it, and leave fillers out."""
    found: list[str] = []
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        before = found[-1] if found else ""
        initials = _initials(words, at) if len(word) == 1 and word.isalpha() else 0
        if initials:
            found.append("".join(words[at : at + initials]))
            at += initials - 1
        elif (word, following) in JOINED:
            found.append(JOINED[word, following])
            at += 1
        elif word in ("s", "t", "m", "d", "ve", "re", "ll") and (
            whole := contraction_apart(before, word, following)
        ):
            found[-1:] = whole.split()
        elif word in PLACES:
            goes_on = following.isalpha() and following not in AFTER_ADDRESS
            found.append(PLACES[word][0 if goes_on else 1])
        elif word not in FILLERS or before[:1].isdigit():
            found.append(word)
        at += 1
    return found


def _initials(words: list[str], at: int) -> int:
    """How many single letters at `at` are known initials, if the run has no others but a and i."""
    if at and len(words[at - 1]) == 1 and words[at - 1] not in "ai":
        return 0
    end = at
    while end < len(words) and len(words[end]) == 1 and words[end].isalpha():
        end += 1
    for last in (end, end - 1):
        if "".join(words[at:last]) in INITIALS and (last == end or words[last] in "ai"):
            return last - at
    return 0
