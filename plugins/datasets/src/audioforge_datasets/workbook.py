"""Workbooks of Excel: a sheet is a table whose first row names the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError, did_you_mean
from audioforge.sample import AudioSample, Problem

from .rows import RowReader
from .table import Row, read_named_rows, refuse_table_settings
from .table_head import LOOKED_AT, FirstRows


@frozen
class WorkbookOptions:
    """Options of a workbook, as in `clips.xlsx:sheet=NAME`.

    Attributes:
        sheet: Name of the sheet to read; None for the first one.
    """

    sheet: str | None = None


class Workbook(Dataset):
    """One sheet of one workbook; paths of audio are relative to its folder."""

    def __init__(self, request: DatasetRequest, sheet: str | None = None) -> None:
        """Take the request, whose location is the workbook, and the name of the sheet."""
        self._request = request
        self._sheet = sheet

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each row.

        A cell of a formula counts by its value when the workbook was saved; one that holds an
        error, such as #REF!, makes its row a problem.

        Raises:
            DatasetError: Without openpyxl, or if the workbook cannot be read, has no such sheet,
                or lacks a column.
        """
        path = Path(self._request.location)
        refuse_table_settings(self._request)
        reader = RowReader(self._request, path.parent)
        workbook = _open(path)
        try:
            yield from _read(self._chosen(workbook, path), reader, str(path))
        except (BadZipFile, ParseError, KeyError, ValueError, EOFError) as error:
            raise _unreadable(path, error) from error
        finally:
            workbook.close()

    def _chosen(self, workbook: Any, path: Path) -> Any:
        names = [sheet.title for sheet in workbook.worksheets]
        if not names:
            raise DatasetError(f"{path}: it has no sheet with cells")
        wanted = names[0] if self._sheet is None else self._sheet
        if wanted not in names:
            raise DatasetError(f"{path}: no sheet '{wanted}'. {did_you_mean(wanted, names)}")
        return workbook[wanted]


def _open(path: Path) -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise DatasetError(
            f"{path}: a workbook is read with openpyxl, which cannot be imported ({error}). "
            f"Install it: pip install 'audioforge-datasets[excel]'; or save the sheet as CSV"
        ) from error
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # of a damaged file openpyxl lets through what its parts raise
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"{path}: cannot be read as an Excel workbook ({type(error).__name__}: {error}). Save it "
        "again as .xlsx, or as CSV"
    )


def _read(sheet: Any, reader: RowReader, where: str) -> Iterator[AudioSample | Problem]:
    rows = _rows(sheet, where)
    seen = list(islice(rows, LOOKED_AT))
    first = [row for row in seen if not isinstance(row, Problem)]
    if not first:
        raise DatasetError(
            f"{where}: the sheet '{sheet.title}' is empty; its first row must name the columns. "
            "Another sheet: FILE.xlsx:sheet=NAME"
        )
    look = FirstRows.below(reader.root, reader.request)
    head = look.head([cells for _, _, cells in first], ",", where)
    if head.is_written:
        seen.remove(first[0])
    width = len(head.names)
    padded = (_padded(row, width) for row in chain(seen, rows))
    yield from read_named_rows(padded, head, reader, where)


def _padded(row: Row | Problem, width: int) -> Row | Problem:
    """Return a row with as many cells as there are columns."""
    if isinstance(row, Problem):
        return row
    place, number, cells = row
    return place, number, cells + [""] * (width - len(cells))


def _rows(sheet: Any, where: str) -> Iterator[Row | Problem]:
    """Yield the rows that are not empty, without empty cells at their end."""
    for number, row in enumerate(sheet.iter_rows(), start=1):
        place = f"{where}: row {number}"
        errors = [cell.value for cell in row if cell.data_type == "e"]
        if errors:
            yield Problem(place, f"a cell holds the error {errors[0]}", "bad row")
            continue
        cells = _without_empty_end(cell_text(cell.value) for cell in row)
        if cells:
            yield place, number, cells


def _without_empty_end(cells: Iterable[str]) -> list[str]:
    kept = list(cells)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def cell_text(value: Any) -> str:
    """Return what a cell shows, as text that does not depend on how it is formatted.

    >>> cell_text(None), cell_text(" yes"), cell_text(12.0), cell_text(0.5), cell_text(True)
    ('', ' yes', '12', '0.5', 'TRUE')
    >>> cell_text(datetime(2026, 3, 1)), cell_text(time(9, 30))
    ('2026-03-01', '09:30:00')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
