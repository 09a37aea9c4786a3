"""Sheets of Excel workbooks, written by openpyxl."""

from __future__ import annotations

import builtins
import datetime

import openpyxl
import pytest

from audioforge.errors import DatasetError

from .conftest import samples, split_items


@pytest.fixture
def workbook(tmp_path):
    """Write sheets of rows; return the path."""

    def write(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "clips.xlsx"
        book.save(path)
        return path

    return write


def test_the_first_sheet_is_read_with_numbers_and_dates_as_text(workbook, read, tmp_path):
    rows = [
        ["File", "Text", "Speaker", "duration", "recorded"],
        ["a.wav", "Yes, now", 7, 1.5, datetime.date(2026, 3, 1)],
        [None, None, None, None, None],
        ["b.wav", 42, 8.0],
        ["c.wav", None, "ann"],
    ]
    path = workbook(Clips=rows, Other=[["path", "text"], ["d.wav", "other"]])
    good = samples(read(path))
    assert [(s.id, s.reference, s.speaker) for s in good] == [
        ("a.wav", "Yes, now", "7"),
        ("b.wav", "42", "8"),
        ("c.wav", None, "ann"),
    ]
    assert (good[0].audio, good[0].duration) == (tmp_path / "a.wav", 1.5)
    assert good[0].metadata["recorded"] == "2026-03-01"
    assert good[1].where == f"{path}: row 4"
    [other] = samples(read(f"{path}:sheet=Other"))
    assert other.reference == "other"
    with pytest.raises(DatasetError, match=r"no sheet 'Othr'\. Did you mean Other"):
        read(f"{path}:sheet=Othr")


def test_errors_of_formulas_and_long_rows_are_problems(workbook, read):
    rows = [["path", "text"], ["a.wav", "#REF!"], ["b.wav", "two", "three"], ["c.wav", "x"]]
    path = workbook(Clips=rows)
    good, problems = split_items(read(path))
    assert [s.id for s in good] == ["c.wav"]
    assert [(p.where, p.kind) for p in problems] == [
        (f"{path}: row 2", "bad row"),
        (f"{path}: row 3", "bad row"),
    ]


def test_what_is_no_workbook_or_holds_nothing_is_refused(workbook, read, tmp_path):
    with pytest.raises(DatasetError, match="the sheet 'Clips' is empty"):
        read(workbook(Clips=[]))
    with pytest.raises(DatasetError, match="no column holds the audio"):
        read(workbook(Clips=[["one", "two"], ["a", "b"]]))
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"path,text\n")
    with pytest.raises(DatasetError, match="cannot be read as an Excel workbook"):
        read(broken)
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(DatasetError, match=r"no dataset format has this ending. Known: .*\.xlsx"):
        read(old)


def test_without_openpyxl_the_extra_is_named(workbook, read, monkeypatch):
    path = workbook(Clips=[["path", "text"]])
    imported = builtins.__import__

    def without(name, *rest, **more):
        if name == "openpyxl":
            raise ModuleNotFoundError("No module named 'openpyxl'")
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DatasetError, match=r"pip install 'audioforge-datasets\[excel\]'"):
        read(path)
