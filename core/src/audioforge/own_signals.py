"""Signals that this process takes over for a while: they are its own, not its children's.

A fork inherits handlers. A child that kept them would answer SIGTERM by asking a run to stop that
is not its own, and `multiprocessing.Pool`, which ends its workers so, would wait for ever.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any

Handler = Callable[[int, FrameType | None], object]

_taken: list[TakenSignals] = []
"""Those that are entered, the outermost first."""


class TakenSignals:
    """Handlers that are in place while this is entered, in the process that entered it.

    Only the main thread can enter it.

    Args:
        handlers: By signal.
    """

    def __init__(self, handlers: Mapping[signal.Signals, Handler]) -> None:
        """Nothing is taken over yet."""
        self._handlers = handlers
        self._before: dict[signal.Signals, Any] = {}
        self._process = 0

    def __enter__(self) -> TakenSignals:
        """Take the signals over."""
        self._process = os.getpid()
        _taken.append(self)
        for number in self._handlers:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give them back."""
        if self in _taken:
            _taken.remove(self)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._process:
            self._handlers[signal.Signals(number)](number, frame)
            return
        _give_all_back()  # a signal that came between the fork and what is to be done after it
        os.kill(os.getpid(), number)


def _give_all_back() -> None:
    for taken in reversed(_taken[:]):
        taken.__exit__(None, None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_give_all_back)
