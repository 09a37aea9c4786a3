"""The grammar of English cardinals and ordinals, said in words or in words and figures.

Millions, thousands and hundreds, each below the one before: "two thousand and eight", "3 million
200 thousand", "fifteen hundred", "one hundred first". What does not fit ends the number, so that
"nineteen eighty-four" is 19 and 84 and "one hundred two hundred" 100 and 200.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from audioforge_verifiers.normalizers.numbers.english_names import (
    LETTER_ZEROS,
    ONES,
    ONES_ORDINALS,
    ORDINAL_SCALES,
    ORDINALS,
    SCALES,
    TENS,
    TIMED,
    UNDER_TWENTY,
)


class Number(NamedTuple):
    """A number that was read.

    Attributes:
        figures: Its decimal digits, with a point where it has one.
        end: The place of the token after it.
        suffix: `th` of an ordinal, `s` of a decade ("the nineties"), `oclock` of a full hour.
    """

    figures: str
    end: int
    suffix: str = ""


class _Chunk(NamedTuple):
    value: int
    end: int
    ordinal: bool = False


def read_cardinal(tokens: Sequence[str], at: int) -> Number | None:
    """Return the longest number of `tokens` at `at`; None if there is none, or only figures.

    `tokens` end with at least four empty ones.
    """
    total, start, end, limit, suffix = 0, at, at, 0, ""
    while chunk := _chunk(tokens, start, following=limit > 0):
        scale = SCALES.get(tokens[chunk.end], 1)
        ordinal_scale = ORDINAL_SCALES.get(tokens[chunk.end], 1)
        if chunk.ordinal or chunk.value == 0:
            scale = ordinal_scale = 1
        value = chunk.value * scale * ordinal_scale
        paused = limit > 0 and tokens[start - 1] == "," and value < 100
        if limit and (paused or not 0 < value < limit):
            break
        total, end = total + value, chunk.end + (scale * ordinal_scale > 1)
        if scale == 1:
            suffix = "th" if chunk.ordinal or ordinal_scale > 1 else ""
            break
        limit, start = scale, end + (tokens[end] in ("and", ","))
    if end == at or (end == at + 1 and tokens[at][0].isdigit()):
        return None
    if tokens[end] == "hundreds" and 10 <= total < 100:
        return Number(str(total * 100), end + 1, "s")  # "the nineteen hundreds"
    return Number(str(total), end, suffix)


def read_decimals(tokens: Sequence[str], at: int) -> tuple[str, int]:
    """Return the figures said after the word "point", as many as follow, and the place after."""
    figures = ""
    while True:
        small = _below_hundred(tokens, at)
        if tokens[at] in LETTER_ZEROS:
            figures, at = f"{figures}0", at + 1
        elif small and not small.ordinal:
            figures, at = f"{figures}{small.value}", small.end
        elif tokens[at].isdigit():
            figures, at = f"{figures}{tokens[at]}", at + 1
        else:
            return figures, at


def _is_time(tokens: Sequence[str], at: int) -> bool:
    """Whether the "second" at `at`, after a multiple of ten, is a time: "a twenty second delay"."""
    timed = tokens[at + 1] in TIMED or (at > 1 and tokens[at - 2] in ("a", "an"))
    return tokens[at] == "second" and timed


def _chunk(tokens: Sequence[str], at: int, following: bool) -> _Chunk | None:
    """Read what a scale multiplies: up to ninety-nine hundred and ninety-nine."""
    token, after = tokens[at], tokens[at + 1]
    scaled = after == "hundred" or after in SCALES
    head: _Chunk | None
    if token == "a" and scaled:
        head = _Chunk(1, at + 1)
    elif token in ("hundred", "hundredth") or token in SCALES or token in ORDINAL_SCALES:
        head = None if following else _Chunk(1, at)
    elif token.isdigit():
        fits = following and token[0] != "0" and len(token) <= 3
        head = _Chunk(int(token), at + 1) if scaled or fits else None
    else:
        head = _below_hundred(tokens, at)
    if head is None or head.ordinal or not 0 < head.value < 100:
        return head
    if tokens[head.end] == "hundredth":
        return _Chunk(head.value * 100, head.end + 1, ordinal=True)
    if tokens[head.end] != "hundred":
        return head
    value, end = head.value * 100, head.end + 1
    rest = _below_hundred(tokens, end + (tokens[end] == "and"))
    if rest and rest.value and tokens[rest.end] not in ("hundred", "hundreds"):
        return _Chunk(value + rest.value, rest.end, rest.ordinal)
    return _Chunk(value, end)


def _below_hundred(tokens: Sequence[str], at: int) -> _Chunk | None:
    token, after = tokens[at], tokens[at + 1]
    if token in TENS:
        if after in ONES:
            return _Chunk(TENS[token] + ONES[after], at + 2)
        if after in ONES_ORDINALS and not _is_time(tokens, at + 1):
            return _Chunk(TENS[token] + ONES_ORDINALS[after], at + 2, ordinal=True)
        return _Chunk(TENS[token], at + 1)
    if token in UNDER_TWENTY:
        return _Chunk(UNDER_TWENTY[token], at + 1)
    if token in ORDINALS:
        return _Chunk(ORDINALS[token], at + 1, ordinal=True)
    return None
