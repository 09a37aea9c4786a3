"""What was measured by language, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audioforge.terminal.console import print_line, print_table
from audioforge.terminal.figures import measured

Column = tuple[str, str, Mapping[str, Any]]
"""A column's head, its metric, and the figures of the model that it is of."""


def print_by_language(columns: Sequence[Column]) -> None:
    """Print a row for each language; nothing where there are not several."""
    first = columns[0][2].get("by_language") if columns else None
    if not first:
        return
    heads = ["language", "n", *(head for head, _, _ in columns)]
    groups = [(metric, figures.get("by_language", {})) for _, metric, figures in columns]
    rows = [
        [
            code,
            str(row["n"]),
            *(measured(metric, group.get(code, {}).get(metric), 2) for metric, group in groups),
        ]
        for code, row in first.items()
    ]
    print_line()
    print_table(heads, rows, right=heads[1:])
