"""What a run tells the person who watches it: lines and progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TextIO, TypeVar

from audioforge.terminal.escapes import one_line
from audioforge.terminal.notebook import NotebookLine, in_notebook

T = TypeVar("T")


class Reporter:
    """Writes lines, warnings and progress bars.

    Bars with rate and estimated time appear on a terminal, and as one line in a notebook; elsewhere
    there are plain lines, without any escape code.

    Args:
        stream: Where to write; None for stderr, in a notebook for its plain output.
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
        shown = stream is None and in_notebook()
        usual = sys.stdout if shown else sys.stderr  # stderr is red in a notebook
        # A notebook says that it is a terminal, and what is kept of it is read elsewhere.
        plain = False if shown else None
        self._console = Console(
            file=stream or usual, highlight=False, force_terminal=plain, force_jupyter=plain
        )
        # Piped, a line stays whole; on a terminal it is folded between words.
        self._console.soft_wrap = not self._console.is_terminal
        self._notebook = NotebookLine() if shown else None

    def info(self, message: str) -> None:
        """Write a line."""
        if not self.quiet:
            with suppress(OSError):  # a log that takes no more ends no run
                self._console.print(one_line(message), markup=False)

    def warn(self, message: str) -> None:
        """Write a warning, also when quiet."""
        if self._warnings:
            with suppress(OSError):  # a log that takes no more ends no run
                self._console.print(f"Warning: {one_line(message)}", markup=False, style="yellow")

    def count(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Pass items through and show how many there were: for millions that cost little each.

        Args:
            items: What is counted.
            what: What the bar says.
            total: How many there will be at most; None where nobody knows.
        """
        if self._notebook is not None and not self.quiet:
            yield from self._notebook.track(items, total, one_line(what), lambda _: 1)
            return
        if self.quiet or not self._console.is_terminal:
            yield from items
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,.0f}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            # One thread redraws ten times a second; an item costs no more than an addition.
            yield from progress.track(items, total, description=one_line(what))

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
        if self._notebook is not None and not self.quiet:
            yield from self._notebook.track(steps, total, one_line(what), size)
            return
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
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task(one_line(what), total=total, rate="")
            for step in steps:
                yield step
                speed = progress.tasks[bar].speed
                progress.update(bar, advance=size(step), rate=f"{speed:.1f}/s" if speed else "")
