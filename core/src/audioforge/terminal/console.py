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

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audioforge.terminal import json_log
from audioforge.terminal.escapes import escape_controls, escape_json, one_line


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
    _print(stdout(), escape_json(text), None)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()
) -> None:
    """Print a table to stdout.

    On a terminal, long cells are folded to its width; piped, every row is one line of columns that
    are padded with blanks, at least two between neighbours.

    Args:
        columns: Heads.
        rows: Cells as text, as many as there are columns.
        right: Heads of the columns that are set flush right, such as numbers.
    """
    if stdout().is_terminal:
        stdout().print(_rich_table(columns, rows, right))
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


def _rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in columns:
        table.add_column(
            Text(one_line(head)), justify="right" if head in right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table


def _print(console: Console, text: str, style: str | None, head: str = "") -> None:
    shown = Text(escape_controls(text), style=style or "")
    shown.stylize("bold red", 0, len(head))
    # A terminal wraps by itself; without soft_wrap, rich would cut piped lines at 80 columns.
    console.print(shown, soft_wrap=True)
