"""Text files line by line, in UTF-8 and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audioforge.errors import DatasetError

BYTE_ORDER_MARK = "\ufeff"


def read_lines(path: Path) -> Iterator[str]:
    """Yield a file's lines with their ends, one at a time, without a leading byte-order mark.

    A line in another encoding stops the reading: were it left out, exactly the lines with accents
    would be missing.

    Raises:
        DatasetError: If the file cannot be read or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = _decode(raw, path, number)
                yield line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _decode(raw: bytes, path: Path, number: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}:{number}: not UTF-8 (byte {raw[error.start]:#04x} at column "
            f"{error.start + 1}). Convert the file, for example from Latin-1 with: "
            f"iconv -f LATIN1 -t UTF-8 {path.name} > converted{path.suffix}"
        ) from error
