"""Tables of predictions: CSV and TSV whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from audioforge.errors import DatasetError
from audioforge.files.text_lines import read_lines
from audioforge.sample import Problem
from audioforge.scoring.fields import Line

SEPARATORS = (",", ";", "\t", "|")
"""What may stand between the cells of a CSV file; its header tells."""

NUMBERS = ("offset", "duration")
"""Columns whose cells are numbers."""


def read_csv(path: Path, said: str) -> Iterator[Line]:
    """Yield number, place and cells of each row, quoted as spreadsheets do.

    An empty cell is not there, but for what the system said: that is nothing.

    Args:
        path: The table.
        said: The column of what the system said.

    Raises:
        DatasetError: If the file cannot be read or is no table.
    """
    lines = read_lines(path)
    first = next(lines, "")
    separator = max(SEPARATORS, key=first.count)
    return _rows(path, said, csv.reader(chain([first], lines), delimiter=separator, strict=True))


def read_tsv(path: Path, said: str) -> Iterator[Line]:
    """Yield the rows of a table without quoting, as `read_csv` does."""
    return _rows(path, said, csv.reader(read_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE))


def _rows(path: Path, said: str, reader: Any) -> Iterator[Line]:
    try:
        columns = [name.strip() for name in next(reader, [])]
        if not any(columns):
            raise DatasetError(f"{path}: its first line is empty; it should name the columns")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{path}:{reader.line_num}"
            if len(cells) > len(columns):
                reason = f"{len(cells)} cells, where the first line names {len(columns)} columns"
                yield reader.line_num, where, Problem(where, reason, "bad row")
                continue
            row = dict(zip(columns, cells, strict=False))
            kept = {name: _value(name, c) for name, c in row.items() if c.strip() or name == said}
            yield reader.line_num, where, kept
    except csv.Error as error:
        raise DatasetError(
            f"{path}:{reader.line_num}: broken table: {error}. Write a quotation mark within a "
            f'quoted cell twice ("")'
        ) from error


def _value(name: str, cell: str) -> Any:
    if name == "cut":
        return cell.strip().lower() in ("true", "1")
    if name not in NUMBERS:
        return cell
    try:
        return float(cell)
    except ValueError:
        return cell  # whoever reads it says what is wrong
