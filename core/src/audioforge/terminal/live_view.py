"""The live view of a run on a terminal: where it is, how long it takes, what the model says."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from audioforge.terminal.escapes import one_line
from audioforge.terminal.scene import Scene
from audioforge.terminal.stage import duration

A_SECOND = 4
"""How often it is drawn."""
BAR = 24
"""Width of the bar, in columns."""


class LiveView(Live):
    """Draws a scene below the lines, from a thread of its own, until it is left.

    Args:
        console: The terminal.
        scene: What is going on.
    """

    def __init__(self, console: Console, scene: Scene) -> None:
        """Nothing is drawn yet."""
        self._scene = scene
        super().__init__(
            console=console, refresh_per_second=A_SECOND, transient=True, vertical_overflow="crop"
        )

    def get_renderable(self) -> RenderableType:
        """Return what is drawn now."""
        return view(self._scene)


def view(scene: Scene) -> RenderableType:
    """Return a scene as a terminal shows it, no line of it longer than the terminal is wide."""
    stage, parts = scene.stage, list[RenderableType]()
    if stage is not None:
        bar = ProgressBar(total=stage.total, completed=stage.done, width=BAR, pulse=not stage.total)
        first = Table.grid(padding=(0, 1))
        first.add_row(_line(stage.what, "bold"), bar)
        what, _, rest = stage.describe().partition(f"{stage.what}: ")
        parts += [first, _line(f"  {rest or what}")]
    if scene.forecast is not None:
        left = scene.run_left
        text = f"  run: {duration(time.monotonic() - scene.started)} so far"
        text += "" if left is None else f", about {duration(left)} left"
        parts.append(_line(text))
    parts += [_line(f"  {line}", "dim") for line in scene.beside]
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style, no_wrap=True, overflow="ellipsis")
