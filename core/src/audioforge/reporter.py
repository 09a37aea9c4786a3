"""What a run tells the person who watches it: lines and progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

from audioforge.console import escape_controls

T = TypeVar("T")


class Reporter:
    """Writes lines, warnings and progress bars.

    Bars with rate and estimated time appear on a terminal only; elsewhere there are plain lines.

    Args:
        stream: Where to write; None for stderr.
        quiet: Leave out everything but warnings.
        warnings: Whether to write warnings.
    """

    def __init__(
        self, stream: TextIO | None = None, *, quiet: bool = False, warnings: bool = True
    ) -> None:
        """Create the reporter."""
        from rich.console import Console

        self.quiet = quiet
        self._warnings = warnings
        self._console = Console(file=stream or sys.stderr, highlight=False)
        # Piped, a line stays whole; on a terminal it is folded between words.
        self._console.soft_wrap = not self._console.is_terminal

    def info(self, message: str) -> None:
        """Write a line."""
        if not self.quiet:
            self._console.print(escape_controls(message), markup=False)

    def warn(self, message: str) -> None:
        """Write a warning, also when quiet."""
        if self._warnings:
            self._console.print(
                f"Warning: {escape_controls(message)}", markup=False, style="yellow"
            )

    def track(
        self, steps: Iterable[T], total: int, what: str, size: Callable[[T], int] = lambda _: 1
    ) -> Iterator[T]:
        """Pass steps through and show how many of `total` items are done, how fast, how long.

        Args:
            steps: What is done.
            total: Items in all.
            what: What the bar says.
            size: How many items a step is.
        """
        if self.quiet or not self._console.is_terminal:
            yield from steps
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task(what, total=total, rate="")
            for step in steps:
                yield step
                speed = progress.tasks[bar].speed
                progress.update(bar, advance=size(step), rate=f"{speed:.1f}/s" if speed else "")
