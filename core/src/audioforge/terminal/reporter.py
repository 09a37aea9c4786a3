"""What a run tells the person who watches it: lines, and how far the work is, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from audioforge.terminal.forecast import Forecast, Phase
from audioforge.terminal.json_log import JsonLog
from audioforge.terminal.notebook import NotebookLine, in_notebook
from audioforge.terminal.scene import Scene
from audioforge.terminal.stage import Stage

if TYPE_CHECKING:
    from audioforge.terminal.displays import Display

T = TypeVar("T")


class Reporter:
    """Writes lines and warnings, and shows how far the work is.

    On a terminal that is a live view, in a notebook one line; elsewhere there are plain lines
    without any escape code, one every 20 s at least.

    Args:
        stream: Where to write; None for stderr, in a notebook for its plain output.
        quiet: Leave out everything but warnings.
        warnings: Whether to write warnings.
        verbose: Write details too.
        log: Write JSON objects there instead.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        warnings: bool = True,
        verbose: bool = False,
        log: JsonLog | None = None,
    ) -> None:
        """Create the reporter."""
        self.quiet = quiet
        self._warnings, self._verbose = warnings, verbose
        shown = stream is None and log is None and in_notebook()
        self._notebook = NotebookLine() if shown else None
        self._display = _display(stream, log, notebook=shown)
        self._scene = Scene()
        self._attended = False

    def info(self, message: str) -> None:
        """Write a line."""
        self.event("info", message)

    def warn(self, message: str) -> None:
        """Write a warning, also when quiet."""
        if self._warnings:
            self._display.write("warning", [message], {})

    def event(
        self,
        kind: str,
        message: str | Sequence[str] | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        detail: bool = False,
    ) -> None:
        """Tell that something happened: people by a line, programs by an object.

        Args:
            kind: What happened; see `audioforge.terminal.json_log.EVENTS`.
            message: The line, or several; None where it is for programs only.
            values: What the object holds beside it.
            detail: Whether the line is for those only who asked for more.
        """
        if not self.quiet:
            lines = [message] if isinstance(message, str) else list(message or ())
            self._display.write(kind, lines if self._verbose or not detail else [], values or {})

    def show_beside(self, lines: Sequence[str]) -> None:
        """Let a live view show lines below the stage, in the place of those before."""
        self._scene.beside = lines

    @contextmanager
    def attending(self, phases: Sequence[Phase] | None = None) -> Iterator[None]:
        """Show how far the work is, within; in another one, go on with that.

        Args:
            phases: What a whole run consists of, for the time that it takes; None for no run.
        """
        if phases is not None:
            self._scene = Scene(forecast=Forecast(phases))
        if self._attended or self.quiet:
            yield
            return
        self._attended = True
        try:
            with self._display.attending(self._scene):
                yield
        finally:
            self._attended = False
            self._scene = Scene()

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show that something is done of which nobody can say how far it is.

        Args:
            what: What is shown.
        """
        with self._stage(Stage(what)), self.attending():
            yield

    def count(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Pass items through and show how many there were: for millions that cost little each.

        Args:
            items: What is counted.
            what: What is shown.
            total: How many there will be at most; None where nobody knows.
        """
        yield from self._followed(items, Stage(what, total, unit="items"), lambda _: 1)

    def track(
        self,
        steps: Iterable[T],
        total: int,
        what: str,
        size: Callable[[T], int] = lambda _: 1,
        unit: str = "clips",
    ) -> Iterator[T]:
        """Pass steps through and show how many of `total` units are done, how fast, how long.

        Args:
            steps: What is done.
            total: Units in all.
            what: What is shown.
            size: How many units a step is.
            unit: What is counted.
        """
        yield from self._followed(steps, Stage(what, total, unit), size)

    def _followed(self, steps: Iterable[T], stage: Stage, size: Callable[[T], int]) -> Iterator[T]:
        if self.quiet:
            yield from steps
            return
        with self._stage(stage), self.attending():
            if self._notebook is not None:
                yield from self._notebook.track(steps, stage, size)
                return
            for step in steps:
                yield step
                stage.advance(size(step))

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[None]:
        scene = self._scene
        before = scene.begin(stage)
        try:
            yield
            self._display.ended(stage, scene)
        finally:
            scene.end(stage, before)


def _display(stream: TextIO | None, log: JsonLog | None, *, notebook: bool) -> Display:
    """Return what shows things in the way that fits."""
    from rich.console import Console  # which listing does not need

    from audioforge.terminal.displays import JsonLines, Lines, View

    if log is not None:
        return JsonLines(log)
    usual = sys.stdout if notebook else sys.stderr  # stderr is red in a notebook
    # A notebook says that it is a terminal, and what is kept of it is read elsewhere.
    plain = False if notebook else None
    console = Console(
        file=stream or usual, highlight=False, force_terminal=plain, force_jupyter=plain
    )
    if console.is_terminal and not console.is_dumb_terminal:
        return View(console)
    return Lines(console, beats=not notebook)
