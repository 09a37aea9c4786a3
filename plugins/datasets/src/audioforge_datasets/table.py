"""CSV and TSV tables whose first line names the columns.

CSV quotes as spreadsheets do. TSV has no quoting (IANA text/tab-separated-values): a quotation
mark is part of the text, as in Common Voice.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.text_lines import read_lines
from audioforge.sample import AudioSample, Problem

from .columns import check_columns
from .rows import RowReader
from .settings import refuse_settings


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
        because = "a table has one split; give the table of the split you want"
        refuse_settings(self._request, ["split"], because)
        refuse_settings(self._request, ["data_dir"], "paths start at the table's own folder")
        yield from read_table(path, RowReader(self._request, path.parent))


def read_table(path: Path, reader: RowReader) -> Iterator[AudioSample | Problem]:
    """Yield what a reader makes of a table's rows.

    Raises:
        DatasetError: If the file cannot be read, or lacks a column.
    """
    rows = read_rows(path)
    _, head = next(rows, (0, []))
    if not head:
        raise DatasetError(f"{path}: the file is empty; its first line must name the columns")
    if repeated := sorted({name for name in head if name and head.count(name) > 1}):
        raise DatasetError(f"{path}: the column {repeated[0]!r} is there twice; rename one")
    check_columns(reader.request, head, str(path))
    for line, cells in rows:
        where = f"{path}:{line}"
        if len(cells) == len(head):
            # A table cannot tell an empty text from a missing one; that of silence is rarer.
            row = {name: cell or None for name, cell in zip(head, cells, strict=True)}
            yield reader.read(row, where, line)
        elif cells:
            reason = (
                f"{len(cells)} cells for {len(head)} columns; quote a text that holds the separator"
            )
            yield Problem(where, reason, "bad row")


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a table with the number of its last line.

    Raises:
        DatasetError: If the file cannot be read, or its quoting is broken.
    """
    if path.suffix.lower() == ".tsv":
        reader = csv.reader(read_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        # Strict: an unbalanced quotation mark would silently swallow the rows after it.
        reader = csv.reader(read_lines(path), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        if "field limit" in str(error):
            most = f"{csv.field_size_limit():,}"
            raise DatasetError(
                f"{where}: a cell is longer than {most} characters, which is no transcript. Look "
                f"for a quotation mark that nothing closes, or shorten the cell"
            ) from error
        raise DatasetError(
            f"{where}: broken table: {error}. Write a quotation mark within a quoted cell twice "
            '("")'
        ) from error
