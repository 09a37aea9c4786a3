"""Where the lines of predictions and references come from: files of any format, or memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from attrs import evolve, frozen

from audioforge.errors import DatasetError
from audioforge.files.json_lines import read_objects
from audioforge.sample import Problem
from audioforge.scoring.fields import Line
from audioforge.scoring.nist import read_ctm, read_stm, read_trn
from audioforge.scoring.tables import read_csv, read_tsv

Source: TypeAlias = "Iterable[Line]"
"""Lines that can be read more than once."""

Reader: TypeAlias = "Callable[[Path, str], Iterator[Line]]"
"""Reads a file; the second is the key of the texts where the format has no names for them."""

JSON_LINES = "jsonl"
TABLES = ("csv", "tsv")
READERS: Mapping[str, Reader] = {
    JSON_LINES: lambda path, _: read_objects(path),
    "csv": read_csv,
    "tsv": read_tsv,
    "trn": read_trn,
    "ctm": read_ctm,
    "stm": read_stm,
}
"""What reads each format."""

FORMATS = ("jsonl", "csv", "tsv", "trn", "ctm")
"""Formats of predictions."""

WITHOUT_TRUTH = ("trn", "ctm")
"""Formats that hold what was said, and not what is right."""

IN_MEMORY = Path("predictions")
"""What predictions are called that come from no file."""


@frozen
class Predictions:
    """What is to be scored.

    Attributes:
        lines: A file, or rows in memory.
        format: One of `FORMATS`; None to go by the file's ending.
        reference: A file that says what is right; None where the lines do.
        content: Where the file's content is, if not under its name.
    """

    lines: Path | Sequence[Mapping[str, Any]]
    format: str | None = None
    reference: Path | None = None
    content: Path | None = None

    @property
    def path(self) -> Path:
        """What they are called, in the folder where their paths start."""
        return self.lines if isinstance(self.lines, Path) else IN_MEMORY

    def source(self, said: str) -> Source:
        """Return their lines, as they are.

        Args:
            said: The key of what the system said.

        Raises:
            DatasetError: If they cannot say what is right, and no reference does.
        """
        if not isinstance(self.lines, Path):
            return RowSource(IN_MEMORY, self.lines)
        form = self.format or format_of(self.lines)
        if form in WITHOUT_TRUTH and self.reference is None:
            raise DatasetError(
                f"{self.lines}: a .{form} file holds what was said, and not what is right; give "
                f"that as --reference FILE"
            )
        if form not in FORMATS:
            raise DatasetError(
                f"{self.lines}: a .{form} file holds what is right, and not what a system said; "
                f"give it as --reference"
            )
        return FileSource(self.lines, self.content or self.lines, form, said)


@frozen
class FileSource:
    """A file.

    Attributes:
        path: What the file is called in messages.
        content: Where its content is.
        format: One of `READERS`.
        key: The key of its texts where the format has no names for them; the column in which an
            empty cell says that there is no text.
    """

    path: Path
    content: Path
    format: str
    key: str

    def __iter__(self) -> Iterator[Line]:
        """Yield its lines.

        Raises:
            DatasetError: If the file cannot be read.
        """
        try:
            for number, where, row in READERS[self.format](self.content, self.key):
                place = self._named(where)
                known = evolve(row, where=place) if isinstance(row, Problem) else row
                yield number, place, known
        except DatasetError as error:
            raise DatasetError(self._named(str(error))) from error

    def _named(self, text: str) -> str:
        return text.replace(str(self.content), str(self.path))


@frozen
class RowSource:
    """Rows in memory.

    Attributes:
        name: What they are called in messages.
        rows: The rows.
    """

    name: Path
    rows: Sequence[Mapping[str, Any]]

    def __iter__(self) -> Iterator[Line]:
        """Yield what lines of a file would be."""
        for number, row in enumerate(self.rows, 1):
            where = f"{self.name}: row {number}"
            yield number, where, _row(row, where)


def format_of(path: Path, otherwise: str = JSON_LINES) -> str:
    """Return the format of a file by its endings.

    >>> format_of(Path("hyp.trn")), format_of(Path("p.csv.gz")), format_of(Path("p.txt"))
    ('trn', 'csv', 'jsonl')
    """
    endings = [suffix[1:].lower() for suffix in reversed(path.suffixes)]
    return next((ending for ending in endings if ending in READERS), otherwise)


def _row(row: object, where: str) -> dict[str, Any] | Problem:
    """Return a line that is in memory as one of a file is read."""
    if isinstance(row, Mapping):
        return {str(key): value for key, value in row.items()}
    return Problem(where, f"expected a mapping, not {type(row).__name__}", "not an object")
