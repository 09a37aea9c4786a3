"""What an apostrophe stands for in English: "don't" is `do not`, "John's book" `johns book`.

An 's is "is" or "has" after a pronoun, or where the next word shows that nothing is possessed
("John's going"). Otherwise it is a possessive, whose apostrophe cannot be heard.
"""

from __future__ import annotations

import re

from audioforge_verifiers.normalizers.english_tables import (
    CONTRACTIONS,
    HAD,
    HAS,
    LEADING_APOSTROPHE,
    NO_POSSESSION,
    SUBJECTS,
)

ENDINGS = {"ll": "will", "m": "am", "re": "are", "ve": "have"}
# Written apart where an apostrophe was lost: "don t", "i ve".
NEGATED = frozenset(
    [
        "ain",
        "aren",
        "can",
        "couldn",
        "didn",
        "doesn",
        "don",
        "hadn",
        "hasn",
        "haven",
        "isn",
        "mustn",
        "needn",
        "shan",
        "shouldn",
        "wasn",
        "weren",
        "won",
        "wouldn",
    ]
)
PRONOUNS = SUBJECTS | frozenset(
    ["i", "you", "we", "they", "let", "could", "should", "would", "might", "must"]
)

_WITHIN = re.compile(r"(?<![^\W\d_])([^\W\d_]+)((?:'[^\W\d_]+)+)(?=\W+([^\W\d_]+)|)")
_BEFORE = re.compile(rf"(?<!\w)'({'|'.join(LEADING_APOSTROPHE)})\b")


def expand_contractions(text: str) -> str:
    """Return the lower-case `text` without apostrophes, contractions spelt out."""
    text = _BEFORE.sub(lambda found: LEADING_APOSTROPHE[found[1]], text)
    text = _WITHIN.sub(_spelt_out, text)
    return text.replace("'", "")


def contraction_apart(word: str, ending: str, following: str) -> str | None:
    """Return "don t" or "i ve" spelt out; None where `ending` is no ending of `word`."""
    if word not in (NEGATED if ending == "t" else PRONOUNS):
        return None
    return _expanded(word, ending, following)


def _spelt_out(found: re.Match[str]) -> str:
    word, following = found[1], found[3] or ""
    for ending in found[2][1:].split("'"):
        word = _expanded(word, ending, following)
    return word


def _expanded(word: str, ending: str, following: str) -> str:
    whole = CONTRACTIONS.get(f"{word}'{ending}")
    if whole:
        return whole
    if ending == "t" and word.endswith("n"):
        return f"{word[:-1]} not"
    if ending in ENDINGS:
        return f"{word} {ENDINGS[ending]}"
    if ending == "d":
        past = following in HAD or (following.endswith("ed") and not following.endswith("eed"))
        return f"{word} had" if past else f"{word} would"
    if ending != "s":
        return word + ending  # o'brien
    if following in HAS and (word in SUBJECTS or following != "gone"):
        return f"{word} has"
    is_verb = word in SUBJECTS or following in NO_POSSESSION or following.endswith("ing")
    return f"{word} is" if is_verb else f"{word}s"
