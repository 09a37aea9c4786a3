"""Progress in a notebook: one line of its output, which is redrawn and is empty in the end."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

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

    def track(
        self, steps: Iterable[T], total: int | None, what: str, size: Callable[[T], int]
    ) -> Iterator[T]:
        """Pass steps through and show how many items are done, and how fast.

        Args:
            steps: What is done.
            total: Items in all; None where nobody knows.
            what: What the line says.
            size: How many items a step is.
        """
        done, started = 0, time.monotonic()
        drawn = -SECONDS_BETWEEN
        try:
            for step in steps:
                yield step
                done += size(step)
                now = time.monotonic()
                if now - drawn >= SECONDS_BETWEEN:
                    drawn = now
                    self._draw(*_line(what, done, total, now - started))
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


def _line(what: str, done: int, total: int | None, seconds: float) -> tuple[str, str]:
    """Return the line as text and as HTML.

    >>> _line("sample", 20, 80, seconds=2.0)[0]
    'sample: 20/80, 10.0/s, 6 s to go'
    """
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{what}: {done:,}"
    if total is not None:
        text += f"/{total:,}"
    if rate:
        text += f", {rate:,.1f}/s"
        if total is not None:
            text += f", {max(total - done, 0) / rate:.0f} s to go"
    bar = f'<progress value="{done}" max="{total}"></progress> ' if total else ""
    return text, f"{bar}{html.escape(text)}"
