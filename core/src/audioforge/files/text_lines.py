"""Text files line by line, in UTF-8 and nothing else, in bounded memory whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from audioforge.errors import DatasetError
from audioforge.files.compressed import opened

BYTE_ORDER_MARK = "\ufeff"

MOST_LINE_BYTES = 4 * 2**20
"""A line is one clip with its text; a longer one is no such thing, and is not held in memory."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BINARY = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")
"""Bytes that no text has, in whatever encoding of one byte a letter."""


def read_lines(path: Path) -> Iterator[str]:
    """Yield a file's lines with their ends, one at a time, without a leading byte-order mark.

    Raises:
        DatasetError: If the file cannot be read, is not UTF-8, or has a line that is too long.
    """
    for number, line in numbered_lines(path):
        if line is None:
            raise DatasetError(f"{path}:{number}: {TOO_LONG}")
        yield line


TOO_LONG = f"the line is longer than {MOST_LINE_BYTES // 2**20} MiB; a line is one clip"


def numbered_lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Yield number and text of each line, as `read_lines` does; None for one that is too long.

    A line in another encoding stops the reading: were it left out, exactly the lines with accents
    would be missing.

    Raises:
        DatasetError: If the file cannot be read or is not UTF-8.
    """
    with opened(path) as file:
        number = 0
        while raw := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(raw) > MOST_LINE_BYTES and not raw.endswith(b"\n"):
                _skip_line(file)
                yield number, None
                continue
            line = _decode(raw, path, number)
            yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line


def _skip_line(file: IO[bytes]) -> None:
    while (rest := file.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _decode(raw: bytes, path: Path, number: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        found = f"{path}:{number}: not UTF-8 (byte {raw[error.start]:#04x} at column "
        raise DatasetError(f"{found}{error.start + 1}). {_mend(raw, path, number)}") from error


def _mend(raw: bytes, path: Path, number: int) -> str:
    """Return what to do with a file whose line is not UTF-8."""
    if number == 1 and raw.startswith(_UTF16_MARKS):
        encoding = "UTF-16"
    elif _BINARY.isdisjoint(raw):
        encoding = "LATIN1"
    else:
        return "It is no text file: give one, such as JSON lines"
    suffix = path.suffix or ".txt"
    return (
        f"Convert the file, for example from {encoding} with: "
        f"iconv -f {encoding} -t UTF-8 {path.name} > converted{suffix}"
    )
