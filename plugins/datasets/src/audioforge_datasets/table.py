"""Tables as text: CSV and TSV files, however they separate, quote and encode."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.sample import AudioSample, Problem

from .columns import check_columns
from .notes import say
from .rows import RowReader
from .settings import refuse_settings
from .table_dialect import QUOTED, SEPARATORS, Dialect, find_dialect
from .table_head import LOOKED_AT, FirstRows, Head
from .table_text import TableText

Row = tuple[str, int, list[str]]
"""Place, number and cells of a row."""


class Table(Dataset):
    """One CSV or TSV file; paths of audio are relative to its folder."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the table."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each row.

        Raises:
            DatasetError: If the file cannot be read, or lacks a column.
        """
        path = Path(self._request.location)
        refuse_table_settings(self._request)
        yield from read_table(path, RowReader(self._request, path.parent))


def refuse_table_settings(request: DatasetRequest) -> None:
    """Refuse what no table has.

    Raises:
        DatasetError: Naming the flag.
    """
    because = "a table has one split; give the table of the split you want"
    refuse_settings(request, ["split"], because)
    because = "paths start at the table's own folder, or where --audio-root says"
    refuse_settings(request, ["data_dir"], because)


def read_table(path: Path, reader: RowReader) -> Iterator[AudioSample | Problem]:
    """Yield what a reader makes of a table's rows.

    Raises:
        DatasetError: If the file cannot be read, or lacks a column.
    """
    text = TableText.of(path)
    look = FirstRows.below(reader.root, reader.request)
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    dialect = find_dialect(text, usual, look.rank)
    rows = _rows(text, dialect)
    first = list(islice(((line, cells) for line, cells in rows if cells), LOOKED_AT))
    if not first:
        raise DatasetError(f"{path}: the file is empty; its first line must name the columns")
    head = look.head([cells for _, cells in first], dialect.separator, str(path))
    say(_unusual(text, dialect, usual, head))
    # Who writes ", " between names writes it between cells.
    is_padded = head.is_written and any(cell != cell.strip() for cell in first[0][1])
    numbered = (
        (f"{path}:{line}", line, [c.strip() for c in cells] if is_padded else cells)
        for line, cells in chain(first[head.is_written :], rows)
    )
    yield from read_named_rows(numbered, head, reader, str(path))


def read_named_rows(
    rows: Iterable[Row | Problem], head: Head, reader: RowReader, where: str
) -> Iterator[AudioSample | Problem]:
    """Yield what a reader makes of rows of cells, and the problems among them.

    Raises:
        DatasetError: If a column is missing, or there twice.
    """
    names = head.names
    if head.is_written:
        check_columns(reader.request, names, where)
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        place, number, cells = row
        if not any(cells[len(names) :]):
            cells = cells[: len(names)]
        if len(cells) == len(names):
            yield reader.read(head.row(cells), place, number)
        elif cells:
            reason = (
                f"{len(cells)} cells for {len(names)} columns; quote a text that holds the "
                f"separator"
            )
            yield Problem(place, reason, "bad row")


def _rows(text: TableText, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a table with the number of its last line.

    Raises:
        DatasetError: If the file cannot be read, or its quoting is broken.
    """
    try:
        yield from dialect.rows(text.lines())
    except csv.Error as error:
        where = f"{text.path}:{error.__notes__[-1]}"
        if "field limit" in str(error):
            most = f"{csv.field_size_limit():,}"
            raise DatasetError(
                f"{where}: a cell is longer than {most} characters, which is no transcript. Look "
                f"for a quotation mark that nothing closes, or shorten the cell"
            ) from error
        if "new-line character" in str(error):
            raise DatasetError(
                f"{where}: a carriage return stands within a cell; take it out, or quote the cell"
            ) from error
        raise DatasetError(
            f"{where}: broken table: {error}. Write a quotation mark within a quoted cell twice "
            '("")'
        ) from error


def _unusual(text: TableText, dialect: Dialect, usual: str, head: Head) -> str:
    """Return a sentence on what is not as the file's name promises; empty where all is."""
    found = []
    if dialect.separator != usual:
        found.append(f"separated by {SEPARATORS[dialect.separator]}")
    if dialect.is_quoted and dialect.separator not in QUOTED:
        found.append("with quoted cells")
    if text.encoding != "UTF-8":
        found.append(f"in {text.encoding}")
    if text.line_end == "\r":
        found.append("with a carriage return after each line")
    if not head.is_written:
        what = f"{head.place.replace('{}', '<' + head.names[0] + '>')}" if head.place else ""
        found.append(
            f"without a line of names: the columns are {', '.join(head.names)}"
            + (f", the sound is {what}" if what else "")
        )
    return f"{text.path}: read as a table {', '.join(found)}." if found else ""
