"""NIST's formats of what was said: `.trn` and `.ctm` of a system, `.trn` and `.stm` of the truth.

As sclite reads them: a line of a TRN is a text with its id in brackets; of a CTM a word with its
recording, channel and time; of an STM a segment of a recording with its text. Lines that begin with
`;;` are comments. Alternatives (`{ a / b }`, `<ALT_BEGIN>`) are refused: no verifier knows them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audioforge.errors import DatasetError
from audioforge.files.text_lines import TOO_LONG, numbered_lines
from audioforge.sample import Problem
from audioforge.scoring.fields import Line

WORDS = "ctm_words"
"""Key of the words of a CTM: start and length in seconds, and the word."""

IGNORED = "ignore_time_segment_in_scoring"
"""What an STM has instead of the text of a segment that does not count."""

_TRN = re.compile(r"(?P<text>.*?)\s*\((?P<id>[^()\s]+)\)\s*")
_ALTERNATIVES = re.compile(r"[{}]|<ALT", re.IGNORECASE)


def read_trn(path: Path, key: str) -> Iterator[Line]:
    """Yield id and text of each line, the text under `key`.

    Raises:
        DatasetError: If the file cannot be read.
    """
    for number, where, line in _lines(path):
        if isinstance(line, Problem):
            yield number, where, line
        elif (found := _TRN.fullmatch(line)) is None:
            yield number, where, _bad(where, "its id in brackets at its end", "one two (spk-utt1)")
        else:
            yield number, where, {"id": found["id"], key: found["text"].strip()}


def read_ctm(path: Path, key: str) -> Iterator[Line]:
    """Yield what was said on each channel of each recording, its words in the order of time.

    Where a recording has one channel its id is the recording's name, otherwise name-channel.

    Raises:
        DatasetError: If the file cannot be read.
    """
    said: dict[tuple[str, str], list[tuple[float, float, str]]] = {}
    places: dict[tuple[str, str], tuple[int, str]] = {}
    for number, where, line in _lines(path):
        if isinstance(line, Problem):
            yield number, where, line
            continue
        cells = line.split()
        start, length = (_seconds(cell) for cell in (*cells[2:4], "", "")[:2])
        if len(cells) < 5 or start is None or length is None:
            yield (
                number,
                where,
                _bad(
                    where, "recording, channel, start, length and word", "call1 A 0.52 0.31 hello"
                ),
            )
            continue
        place = (cells[0], cells[1])
        said.setdefault(place, []).append((start, length, cells[4]))
        places.setdefault(place, (number, where))
    sides = Counter(recording for recording, _ in said)
    for (recording, channel), words in said.items():
        words.sort(key=lambda word: word[0])
        row: dict[str, Any] = {
            "id": recording if sides[recording] == 1 else f"{recording}-{channel}",
            "recording": recording,
            "side": channel,
            key: " ".join(word for *_, word in words),
            WORDS: words,
        }
        yield *places[recording, channel], row


def read_stm(path: Path, key: str) -> Iterator[Line]:
    """Yield each segment with its text, but for those that do not count.

    Raises:
        DatasetError: If the file cannot be read.
    """
    for number, where, line in _lines(path):
        if isinstance(line, Problem):
            yield number, where, line
            continue
        cells = line.split(maxsplit=5)
        start, end = (_seconds(cell) for cell in (*cells[3:5], "", "")[:2])
        if start is None or end is None or end <= start:
            yield (
                number,
                where,
                _bad(
                    where,
                    "recording, channel, speaker, start and end",
                    "call1 A ann 0.5 2.1 hello there",
                ),
            )
            continue
        text = re.sub(r"^<[^>]*>\s*", "", cells[5].strip()) if len(cells) > 5 else ""
        if text.lower() != IGNORED:
            recording, side, speaker = cells[:3]
            yield (
                number,
                where,
                {
                    "id": f"{recording}-{side}-{start:g}",
                    "recording": recording,
                    "side": side,
                    "speaker": speaker,
                    "offset": start,
                    "duration": end - start,
                    key: text,
                },
            )


def _lines(path: Path) -> Iterator[tuple[int, str, str | Problem]]:
    """Yield number, place and content of each line that is neither blank nor a comment.

    Raises:
        DatasetError: If the file cannot be read, or has no such line.
    """
    empty = True
    for number, line in numbered_lines(path):
        where = f"{path}:{number}"
        if line is None:
            yield number, where, Problem(where, TOO_LONG, "line too long")
            continue
        if not line.strip() or line.startswith(";;"):
            continue
        empty = False
        if _ALTERNATIVES.search(line):
            reason = "alternatives ({ a / b }, <ALT_BEGIN>) are not read; keep one of them"
            yield number, where, Problem(where, reason, "alternatives")
            continue
        yield number, where, line.strip()
    if empty:
        raise DatasetError(f"{path}: the file is empty")


def _bad(where: str, what: str, example: str) -> Problem:
    return Problem(where, f"a line has {what}, such as: {example}", "bad line")


def _seconds(cell: str) -> float | None:
    try:
        seconds = float(cell)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
