"""Rows of JSON, however they are arranged: lines, one list, or one object that holds a list.

A line or item that another tool wrote for several clips (a cut of Lhotse, a task of Label Studio)
becomes a row for each.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from audioforge.errors import DatasetError
from audioforge.files.compressed import opened
from audioforge.files.json_lines import object_or_problem, parse_object, read_objects
from audioforge.files.text_lines import MOST_LINE_BYTES, numbered_lines
from audioforge.sample import Problem

from . import columns, label_studio, lhotse_cuts
from .roots import Root

PlacedRow = tuple[int, str, "Mapping[str, Any] | Problem"]

MOST_DOCUMENT_BYTES = 256 * 2**20
"""Of one object that is read as a whole; lines and lists are read piece by piece."""

CHUNK_BYTES = 2**16

LINE_END = "\n"


def read_rows(path: Path, start: Path | None = None) -> Iterator[PlacedRow]:
    """Yield number, place and content of every row of a JSON file, as `read_objects` does.

    Args:
        path: The file.
        start: Where relative paths start that a row names, if anywhere here.

    Raises:
        DatasetError: If the file cannot be read, is not UTF-8, or holds nothing.
    """
    root, relative = Root(path.parent), Root(path.parent, is_relative=start == path.parent)
    for number, where, value in _objects(path):
        if isinstance(value, Problem):
            yield number, where, value
        elif lhotse_cuts.is_cut(value):
            yield from ((number, where, row) for row in lhotse_cuts.cut_rows(value, where, root))
        elif label_studio.is_task(value):
            yield from (
                (number, where, row) for row in label_studio.task_rows(value, where, relative)
            )
        else:
            yield number, where, value


def _objects(path: Path) -> Iterator[PlacedRow]:
    """Yield the objects of a file of lines, a list, or an object that holds one list of them."""
    line, is_alone = _first_line(path)
    with opened(path) as file:  # no text yet: the limit may lie before what is not UTF-8
        starts = file.read(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    is_document = is_alone or _parsed(line) is None
    if starts == b"[" and is_document:
        for number, (where, item) in enumerate(_list_items(path), 1):
            yield number, where, item
        return
    whole = _document(path) if starts == b"{" and is_document else None
    listed = None if whole is None else _only_list(whole)
    if whole is None or (is_alone and listed is None):  # one line is a line like others
        yield from read_objects(path)
        return
    for number, item in enumerate(listed or [whole], 1):
        where = f"{path}: item {number}"
        yield number, where, object_or_problem(item, where)


def _first_line(path: Path) -> tuple[str, bool]:
    """Return the first line that is not blank, cut where it is long, and whether it is alone."""
    shown = (line or "…" for _, line in numbered_lines(path) if line is None or line.strip())
    return next(shown, ""), next(shown, None) is None


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _document(path: Path) -> dict[str, Any] | None:
    """Return a file that is one object as a whole, or None when it is something else."""
    with opened(path) as file:
        raw = file.read(MOST_DOCUMENT_BYTES + 1)
    value = _parsed(raw) if len(raw) <= MOST_DOCUMENT_BYTES else None
    return value if isinstance(value, dict) else None


def _only_list(value: Mapping[str, Any]) -> list[Any] | None:
    """Return the list of rows that an object holds; None where the object is a row itself."""
    if (
        columns.first_present(columns.AUDIO, value)
        or lhotse_cuts.is_cut(value)
        or label_studio.is_task(value)
    ):
        return None
    lists = [v for v in value.values() if isinstance(v, list) and any(_is_row(i) for i in v)]
    return lists[0] if len(lists) == 1 else None


def _is_row(item: Any) -> bool:
    return isinstance(item, dict)


def _list_items(path: Path) -> Iterator[tuple[str, dict[str, Any] | Problem]]:
    """Yield the place and content of the items of a JSON list one by one, however long it is.

    Raises:
        DatasetError: If it is no JSON, an item is too long, there is none, or the list is not all
            that the file holds.
    """
    chunks = _text(path)
    buffer, number, line = next(chunks, ""), 0, 1
    start = _after_blanks(buffer, buffer.index("[") + 1)
    is_closed = buffer.startswith("]", start)
    while not is_closed:
        end = _end_of_item(buffer, start)
        if end:
            number += 1
            where = f"{path}: item {number}"
            yield where, parse_object(buffer[start:end], where)
            after = _after_blanks(buffer, end)
            is_closed = buffer[after] == "]"
            if buffer[after] not in ",]":
                place = f"{path}:{line + buffer.count(LINE_END, 0, after)}"
                what = "no comma stands between it and what follows"
                raise DatasetError(f"{place}: item {number} of its list: {what}")
            start = after if is_closed else _after_blanks(buffer, after + 1)
            continue
        line += buffer.count(LINE_END, 0, start)
        buffer, start = buffer[start:], 0
        more = next(chunks, None)
        if more is None or len(buffer) > MOST_LINE_BYTES:
            what = "is too long" if more is not None else "is cut or no JSON"
            raise DatasetError(
                f"{path}:{line}: item {number + 1} of its list {what}. Write the file again, or "
                f"as lines: jq -c '.[]' {path.name}"
            )
        buffer += "".join([more, *islice(chunks, len(buffer) // CHUNK_BYTES)])
        start = _after_blanks(buffer, start)
    _refuse_more(
        path, line + buffer.count(LINE_END, 0, start), chain([buffer[start + 1 :]], chunks)
    )
    if not number:
        raise DatasetError(f"{path}: its list is empty; it should have one JSON object for a clip")


def _refuse_more(path: Path, line: int, rest: Iterable[str]) -> None:
    """Refuse anything but blanks behind the end of a list, which is in the line that is given.

    Raises:
        DatasetError: If there is something.
    """
    for text in rest:
        if more := text.lstrip():
            line += text[: len(text) - len(more)].count(LINE_END)
            raise DatasetError(
                f"{path}:{line}: its list has ended, and more follows: {more[:20]!r}. Keep one "
                f"list, or write those that are there as lines: jq -c '.[]' {path.name}"
            )
        line += text.count(LINE_END)


def _after_blanks(buffer: str, start: int) -> int:
    while start < len(buffer) and buffer[start] in " \t\r\n":
        start += 1
    return start


def _end_of_item(buffer: str, start: int) -> int:
    """Return where a value ends that starts here; 0 where it is not whole yet."""
    try:
        _, end = json.JSONDecoder().raw_decode(buffer, start)
    except (ValueError, RecursionError):
        return 0
    # Where the text ends with it, it may go on: 12 of 123.
    return end if _after_blanks(buffer, end) < len(buffer) else 0


def _text(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        with opened(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield decoder.decode(chunk)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8: {error}; convert the file with iconv") from error
