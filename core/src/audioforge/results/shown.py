"""A result that shows itself: a table and sentences, in a terminal and in a notebook."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Sequence

from attrs import frozen

from audioforge.terminal.console import table_lines
from audioforge.terminal.escapes import escape_controls, one_line


@frozen
class Shown:
    """What people see of a result.

    Attributes:
        columns: Heads of the table.
        rows: Cells as text, as many as there are columns.
        notes: Sentences below the table.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


class ShowsItself(ABC):
    """Whatever is a table to people: its `repr`, and in a notebook its HTML."""

    @abstractmethod
    def shown(self) -> Shown:
        """Return the table and what stands below it."""

    def __repr__(self) -> str:
        """Return the table as text, without colours."""
        shown = self.shown()
        lines = list(table_lines(shown.columns, shown.rows)) if shown.columns else []
        return "\n".join([*lines, *map(escape_controls, shown.notes)])

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        shown = self.shown()
        head = "".join(f"<th>{_text(cell)}</th>" for cell in shown.columns)
        body = "".join(
            f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in shown.rows
        )
        notes = "".join(f"<p>{_text(note)}</p>" for note in shown.notes)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return (table if shown.columns else "") + notes


def _text(cell: str) -> str:
    return html.escape(one_line(cell))
