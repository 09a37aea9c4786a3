"""Progress in a notebook: one line of its output, which is redrawn and is empty in the end."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from audioforge.terminal.escapes import one_line
from audioforge.terminal.stage import Stage

T = TypeVar("T")

SECONDS_BETWEEN = 0.2
"""The browser is not sent more than it can draw."""


def in_notebook() -> bool:
    """Whether output is shown by Jupyter, or by what works as it does."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


class NotebookLine:
    """The line of one reporter, made when it is first needed."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._handle: Any = None

    def track(self, steps: Iterable[T], stage: Stage, size: Callable[[T], int]) -> Iterator[T]:
        """Pass steps through and show how many units are done, and how fast.

        Args:
            steps: What is done.
            stage: How far it is; brought forward.
            size: How many units a step is.
        """
        drawn = -SECONDS_BETWEEN
        try:
            for step in steps:
                yield step
                stage.advance(size(step))
                now = time.monotonic()
                if now - drawn >= SECONDS_BETWEEN:
                    drawn = now
                    self._draw(*_line(stage))
        finally:
            self._draw("", "")

    def _draw(self, text: str, page: str) -> None:
        from importlib import import_module

        display: Any = import_module("IPython.display").display  # which has no types

        bundle = {"text/plain": text, "text/html": page}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _line(stage: Stage) -> tuple[str, str]:
    """Return the line as text and as HTML."""
    text = one_line(stage.describe())
    bar = f'<progress value="{stage.done}" max="{stage.total}"></progress> ' if stage.total else ""
    return text, f"{bar}{html.escape(text)}"
