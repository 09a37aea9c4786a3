"""The one place that writes to the terminal: consoles, tables, JSON and errors.

Text that comes from outside (transcripts, paths, messages of libraries) is never read as markup,
and control characters in it are shown as escapes, so that data cannot move the cursor or recolour
the screen. Output that is piped is plain: no colours, no wrapping, no truncation.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audioforge.terminal import json_log
from audioforge.terminal.escapes import escape_controls, escape_json, one_line
from audioforge.terminal.folding import folded


@cache
def stdout() -> Console:
    """Return the console for results. Progress bars and messages go to `stderr()`."""
    return Console(highlight=False, markup=False, emoji=False)


def reserve_stdout() -> None:
    """Let only results reach stdout; whatever else writes to it, at any depth, goes to stderr.

    For JSON documents: plugins and libraries may print, and so may what they start.
    """
    sys.stdout.flush()
    stdout().file = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)


@cache
def stderr() -> Console:
    """Return the console for progress, notes and errors."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_line(text: str = "", style: str | None = None) -> None:
    """Print a result to stdout; the style shows on a terminal only."""
    _print(stdout(), text, style)


def print_note(text: str, style: str | None = None) -> None:
    """Print to stderr what is not part of the result; a log that takes no more ends no run."""
    if (log := json_log.running()) is not None:
        log.write("info", {"message": text})
        return
    with suppress(OSError):
        _print(stderr(), text, style)


def print_error(text: str) -> None:
    """Print `Error: …` to stderr; further lines are indented, so that none passes for another."""
    if (log := json_log.running()) is not None:
        log.write("error", {"message": text})
        return
    first, *rest = f"Error: {text}".split("\n")
    indented = (line if line.startswith("  ") else f"  {line}" for line in rest)
    with suppress(OSError):
        _print(stderr(), "\n".join([first, *indented]), None, head="Error:")


def print_json(value: Any) -> None:
    """Print a value as JSON to stdout; non-ASCII text stays readable, NaN is refused.

    It holds texts from outside as they are; control characters are spelt as JSON spells them.

    Raises:
        ValueError: If the value holds NaN or an infinity, which JSON has not.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    _print(stdout(), escape_json(text), None, wraps=False)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()
) -> None:
    """Print a table to stdout.

    On a terminal, long cells are folded between words to its width; where it is too narrow for
    that, every row is a block of lines. Piped, every row is one line of columns that are padded
    with blanks, at least two between neighbours.

    Args:
        columns: Heads.
        rows: Cells as text, as many as there are columns.
        right: Heads of the columns that are set flush right, such as numbers.
    """
    if stdout().is_terminal and _fits(columns, rows, stdout().width):
        stdout().print(_rich_table(columns, rows, right))
        return
    if stdout().is_terminal:
        _print_blocks(columns, rows)
        return
    for line in table_lines(columns, rows, right=right):
        _print(stdout(), line, None)


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()
) -> Iterator[str]:
    """Yield a table's lines as `print_table` pipes them: heads, then rows."""
    cells = [[one_line(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        padded = [
            cell.rjust(width) if head in right else cell.ljust(width)
            for cell, width, head in zip(row, widths, columns, strict=True)
        ]
        yield "  ".join(padded).rstrip()


GAP = 2
"""Blanks between two columns."""
WHOLE = 16
"""Cells up to this long, such as figures, are never broken; of longer ones no word is."""


def _rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for head, width in zip(columns, _widths(columns, rows, stdout().width), strict=True):
        table.add_column(
            Text(one_line(head)),
            justify="right" if head in right else "left",
            overflow="fold",
            width=width,
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell), no_wrap=len(cell) <= WHOLE) for cell in row))
    return table


def _narrowest(head: str, cells: Sequence[str]) -> int:
    """Return the width of the narrowest column that breaks no word and no figure."""
    parts = [*one_line(head).split()]
    for cell in cells:
        parts += [one_line(cell)] if len(cell) <= WHOLE else one_line(cell).split()
    return max(map(cell_len, parts), default=1)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return the width of each column: what is spare goes to those first that need the least."""
    widths = [_narrowest(head, [row[i] for row in rows]) for i, head in enumerate(columns)]
    wanted = [
        max(cell_len(one_line(row[i])) for row in (columns, *rows)) for i in range(len(widths))
    ]
    spare = room - GAP * (len(columns) - 1) - sum(widths)
    for i in sorted(range(len(widths)), key=lambda i: wanted[i] - widths[i]):
        more = min(spare, wanted[i] - widths[i])
        widths[i] += more
        spare -= more
    return widths


def _fits(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a table can be so narrow without breaking a word."""
    widths = [_narrowest(head, [row[i] for row in rows]) for i, head in enumerate(columns)]
    return sum(widths) + GAP * (len(columns) - 1) <= width


def _print_blocks(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that is too wide as a block for each row: its first cell, then the others."""
    longest = max(map(cell_len, columns))
    for first, *others in rows:
        _print(stdout(), one_line(first), "bold")
        for head, cell in zip(columns[1:], others, strict=True):
            if cell:
                text = f"  {head.ljust(longest)}  {one_line(cell)}"
                lines = folded(text, stdout().width, indent=longest + 4)
                _print(stdout(), "\n".join(lines), None)


def _print(
    console: Console, text: str, style: str | None, head: str = "", *, wraps: bool = True
) -> None:
    escaped = escape_controls(text)
    if console.is_terminal and wraps:
        escaped = "\n".join(folded(escaped, console.width))
    shown = Text(escaped, style=style or "")
    shown.stylize("bold red", 0, len(head))
    console.print(shown, soft_wrap=True)  # rich would cut piped lines, and words, at the width
