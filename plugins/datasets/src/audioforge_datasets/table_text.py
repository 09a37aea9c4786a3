"""The text of a table, line by line: UTF-8, or UTF-16 with its mark; any of the three line ends."""

from __future__ import annotations

import codecs
import io
import shlex
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from audioforge.errors import DatasetError
from audioforge.files.paths import open_regular
from audioforge.files.text_lines import MOST_LINE_BYTES, TOO_LONG, read_lines

SAMPLE_BYTES = 2**16
"""How much of a file shows its line ends."""

NAME_BYTES = 64
"""How much of it holds names of columns, which are mostly plain letters."""

MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


@frozen
class TableText:
    """How a table's text is stored.

    Attributes:
        path: The file.
        encoding: Its encoding, in its usual spelling.
        line_end: What ends a line: a line feed, which a carriage return may stand before, or a
            carriage return alone, as old Macs wrote.
    """

    path: Path
    encoding: str = "UTF-8"
    line_end: str = "\n"

    @classmethod
    def of(cls, path: Path) -> TableText:
        """Return how a file is stored, by its first bytes.

        Raises:
            DatasetError: If it cannot be read, or is UTF-16 without its mark.
        """
        try:
            with open_regular(path) as file:
                sample = file.read(SAMPLE_BYTES)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
        encoding = next((name for mark, name in MARKS if sample.startswith(mark)), "UTF-8")
        if encoding == "UTF-8" and (unmarked := _unmarked(sample)):
            raise DatasetError(
                f"{path}: looks like UTF-16 without a mark that says so: "
                f"iconv -f {unmarked} -t UTF-8 {shlex.quote(path.name)} > new.{path.suffix[1:]}"
            )
        text = sample.decode(encoding, errors="ignore")
        return cls(path, encoding, "\r" if "\r" in text and "\n" not in text else "\n")

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends, without a leading byte-order mark.

        Raises:
            DatasetError: If a line is too long, or not in the encoding.
        """
        if self.encoding == "UTF-8" and self.line_end == "\n":
            yield from read_lines(self.path)
            return
        encoding = "utf-8-sig" if self.encoding == "UTF-8" else self.encoding
        number = 0
        try:
            with (
                open_regular(self.path) as file,
                io.TextIOWrapper(file, encoding=encoding, newline=self.line_end) as text,
            ):
                while line := text.readline(MOST_LINE_BYTES + 1):
                    number += 1
                    if len(line) > MOST_LINE_BYTES:
                        raise DatasetError(f"{self.path}:{number}: {TOO_LONG}")
                    yield line
        except UnicodeError as error:
            raise DatasetError(
                f"{self.path}: not {self.encoding} after line {number}: {error}. Save it as UTF-8"
            ) from error


def _unmarked(sample: bytes) -> str | None:
    """Return as which UTF-16 a file begins that has no mark: every other byte of names is 0."""
    even, odd = sample[:NAME_BYTES:2], sample[1:NAME_BYTES:2]
    if 2 * odd.count(0) > len(odd) and 0 not in even:
        return "UTF-16LE"
    return "UTF-16BE" if 2 * even.count(0) > len(even) and 0 not in odd else None
