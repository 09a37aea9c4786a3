"""How a table's cells are written: what separates them, and whether quotation marks hold them.

Spreadsheets write `;` where the comma is the decimal sign, exports write tabs into files called
.csv, and speech corpora separate by `|`. The first line tells: of the separators, the one that
shows a name that is known there.

Cells between commas and semicolons are quoted as spreadsheets do. Between tabs and bars most
writers quote nothing, so that a quotation mark is part of the text (IANA
text/tab-separated-values, Common Voice since 2020, LJSpeech); spreadsheets and older Common Voice
do quote. A look at every cell that begins with a quotation mark tells which; so does one that goes
on in the next line, which only a quoted cell can.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from attrs import define, frozen

from .table_text import TableText

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
QUOTED = frozenset(",;")
"""Separators between which cells are always quoted as spreadsheets do."""

_HINT = re.compile(r'"?sep=(?P<separator>[,;|\t])"?\s*')
"""A first line that is for spreadsheets only."""

Rank = Callable[[Sequence[str]], int]


@frozen
class Dialect:
    """How cells are written.

    Attributes:
        separator: What stands between two cells.
        is_quoted: Whether a cell that begins with a quotation mark goes on to the closing one.
        is_hinted: Whether the first line only names the separator.
    """

    separator: str
    is_quoted: bool
    is_hinted: bool = False

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row with the number of its last line.

        Raises:
            csv.Error: If the quoting is broken; its `line` is the number of the line.
        """
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.is_quoted else csv.QUOTE_NONE
        # Strict: an unbalanced quotation mark would silently swallow the rows after it.
        reader = csv.reader(lines, delimiter=self.separator, quoting=quoting, strict=True)
        try:
            for cells in reader:
                if not (self.is_hinted and reader.line_num == 1):
                    yield reader.line_num, cells
        except csv.Error as error:
            error.add_note(str(reader.line_num))
            raise


def find_dialect(text: TableText, usual: str, rank: Rank) -> Dialect:
    """Return how a table's cells are written.

    Args:
        text: The table.
        usual: The separator that the file's name promises, which is taken where others are as good.
        rank: How well cells look like a table's first row.
    """
    first = next((line for line in text.lines() if line.strip()), "")
    if hint := _HINT.fullmatch(first):
        separator = hint["separator"]
    else:
        ordered = sorted(SEPARATORS, key=lambda s: s != usual)
        separator = max(ordered, key=lambda s: rank(_cells(first, s)))
    is_quoted = (
        separator in QUOTED
        or _quotes_cells(text, separator)
        or _has_cells_over_lines(text, separator)
    )
    return Dialect(separator, is_quoted, is_hinted=hint is not None)


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of a first line."""
    if separator in QUOTED:
        try:
            return next(csv.reader([line], delimiter=separator, strict=True), []) or [""]
        except csv.Error:  # read row by row, that is told with its place
            pass
    return [
        cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
        for cell in line.rstrip("\r\n").split(separator)
    ]


@define
class _Quoting:
    """What the cells of a table say about quoting.

    Attributes:
        contradicted: A quotation mark stands as no writer that quotes would let it stand.
        doubled: A quoted cell has quotation marks within, each written twice.
        comma: A quoted cell has a comma within, for which spreadsheets quote.
        bare_comma: So has a cell that is not quoted.
    """

    contradicted: bool = False
    doubled: bool = False
    comma: bool = False
    bare_comma: bool = False

    def see(self, cell: str) -> None:
        inside = cell[1:-1]
        if '"' not in cell:
            self.bare_comma |= "," in cell
        elif len(cell) < 2 or not cell[0] == cell[-1] == '"' or '"' in inside.replace('""', ""):
            self.contradicted = True
        elif '""' in inside:
            self.doubled = True
        elif "," in inside:
            self.comma = True
        else:  # nothing in it asks for quotation marks: they are the text's
            self.contradicted = True

    @property
    def is_meant(self) -> bool:
        return not self.contradicted and (self.doubled or (self.comma and not self.bare_comma))


def _quotes_cells(text: TableText, separator: str) -> bool:
    """Say whether the cells of a table that begin with a quotation mark are quoted."""
    quoting = _Quoting()
    for number, line in enumerate(text.lines()):
        cells = line.rstrip("\r\n").split(separator)
        if number == 0 and all(len(c) > 1 and c[0] == c[-1] == '"' for c in cells):
            return True  # a writer that quotes even names quotes everything
        if '"' in line or "," in line:
            for cell in cells:
                quoting.see(cell)
        if quoting.contradicted:
            return False
    return quoting.is_meant


def _has_cells_over_lines(text: TableText, separator: str) -> bool:
    """Say whether a quotation mark opens a cell that only a later line closes.

    As text, both lines would be rows with too few cells, or the first one with half a cell.
    """
    width = 0
    is_open = is_short = False
    for line in text.lines():
        cells = line.rstrip("\r\n").split(separator)
        width = width or len(cells)
        closes = cells[0].count('"') % 2 == 1
        if is_open and closes and cells[0].endswith('"') and (is_short or len(cells) < width):
            return True
        if is_open and not closes and len(cells) < width:
            continue  # a line within the cell
        is_open = cells[-1].startswith('"') and cells[-1].count('"') % 2 == 1
        is_short = len(cells) < width
    return False
