"""The ways to show what is going on: plain lines, a live view, JSON lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console

from audioforge.terminal.escapes import one_line
from audioforge.terminal.folding import folded
from audioforge.terminal.heartbeat import Heartbeat
from audioforge.terminal.json_log import JsonLog
from audioforge.terminal.live_view import LiveView
from audioforge.terminal.scene import Scene
from audioforge.terminal.stage import Stage

LONG = 10.0
"""Seconds from which on a stage is worth a line at its end."""


class Display(ABC):
    """Shows lines, and how far the work is."""

    @abstractmethod
    def write(self, kind: str, lines: Sequence[str], values: Mapping[str, Any]) -> None:
        """Show that something happened.

        Args:
            kind: What happened, in a word.
            lines: For people; none where it is for programs only.
            values: The same for programs.
        """

    @abstractmethod
    @contextmanager
    def attending(self, scene: Scene) -> Iterator[None]:
        """Show how far the work is, within."""

    def ended(self, stage: Stage, scene: Scene) -> None:  # noqa: B027
        """Show that a stage is over."""


class Lines(Display):
    """Plain lines, for a file or a pipe.

    Args:
        console: What writes them.
        beats: Whether there is a line every so often.
    """

    def __init__(self, console: Console, *, beats: bool) -> None:
        """Nothing is written yet."""
        self._console, self._beats = console, beats
        self._heartbeat: Heartbeat | None = None

    def write(self, kind: str, lines: Sequence[str], values: Mapping[str, Any]) -> None:
        """Write the lines."""
        print_lines(self._console, kind, lines)
        if lines and self._heartbeat is not None:
            self._heartbeat.wrote()

    @contextmanager
    def attending(self, scene: Scene) -> Iterator[None]:
        """Write a line whenever none was written for a while."""
        if not self._beats:
            yield
            return
        with Heartbeat(lambda: self.write("progress", [scene.describe()], {})) as self._heartbeat:
            yield
        self._heartbeat = None

    def ended(self, stage: Stage, scene: Scene) -> None:
        """Write how long it took, if that was long."""
        if self._beats and stage.seconds >= LONG:
            self.write("progress", [scene.describe()], {})


class View(Display):
    """A live view on a terminal, below the lines.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        """Nothing is shown yet."""
        self._console = console

    def write(self, kind: str, lines: Sequence[str], values: Mapping[str, Any]) -> None:
        """Write the lines above the view."""
        print_lines(self._console, kind, lines)

    @contextmanager
    def attending(self, scene: Scene) -> Iterator[None]:
        """Draw the view, and take it away in the end."""
        with LiveView(self._console, scene):
            yield


class JsonLines(Display):
    """One JSON object a line, for programs.

    Args:
        log: Where they go.
    """

    def __init__(self, log: JsonLog) -> None:
        """Nothing is written yet."""
        self._log = log

    def write(self, kind: str, lines: Sequence[str], values: Mapping[str, Any]) -> None:
        """Write the object."""
        message = {"message": "\n".join(lines)} if lines else {}
        self._log.write(kind, {**message, **values})

    @contextmanager
    def attending(self, scene: Scene) -> Iterator[None]:
        """Write how far the work is every so often."""
        with Heartbeat(lambda: self._log.write("progress", scene.as_mapping())):
            yield

    def ended(self, stage: Stage, scene: Scene) -> None:
        """Write how far the work is at the end of each stage."""
        self._log.write("progress", {**scene.as_mapping(), **stage.as_mapping()})


def print_lines(console: Console, kind: str, lines: Sequence[str]) -> None:
    """Print lines as a console of people shows their kind; a log that takes no more ends no run."""
    warns = kind == "warning"
    with suppress(OSError):
        for line in lines:
            text = f"Warning: {one_line(line)}" if warns else one_line(line)
            if console.is_terminal:
                text = "\n".join(folded(text, console.width))
            style = "yellow" if warns else None
            console.print(text, markup=False, style=style, soft_wrap=True)
