"""A line every so often, though whatever works is silent: nobody has to wonder whether it hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

SECONDS = 20.0
"""Between two lines; half a minute is never passed, though a computation keeps the thread
waiting."""


class Heartbeat:
    """Calls a function from a thread whenever nothing was written for so long.

    Args:
        beat: What is called.
    """

    def __init__(self, beat: Callable[[], None]) -> None:
        """Nothing is running yet."""
        self._beat, self._seconds = beat, SECONDS
        self._end = threading.Event()
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def wrote(self) -> None:
        """Take note that something was written."""
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        """Start."""
        self.wrote()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, whatever happened."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(max(self._last + self._seconds - time.monotonic(), 0.01)):
            if time.monotonic() - self._last >= self._seconds:
                self._beat()
                self.wrote()
