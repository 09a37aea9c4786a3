"""Signals that this process takes over for a while: they are its own, not its children's.

A fork inherits handlers. A child that kept them would answer SIGTERM by asking a run to stop that
is not its own, and `multiprocessing.Pool`, which ends its workers so, would wait for ever. The
signals are blocked while it forks: Python forgets what a child is sent before it runs anything.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any

Handler = Callable[[int, FrameType | None], object]

_taken: list[TakenSignals] = []
"""Every `TakenSignals` that is entered, the outermost first."""
_forking = threading.local()
"""Holds the signals that this thread had blocked before it began to fork."""


class TakenSignals:
    """Handlers that are in place while this is entered, in the process that entered it.

    Only the main thread can enter it.

    Args:
        handlers: What answers each signal, by signal.
    """

    def __init__(self, handlers: Mapping[signal.Signals, Handler]) -> None:
        """Nothing is taken over yet."""
        self._handlers = handlers
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> TakenSignals:
        """Take the signals over."""
        _taken.append(self)
        for number, handler in self._handlers.items():
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give them back; in a forked child that was done already."""
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}
        if self in _taken:
            _taken.remove(self)


def _block() -> None:
    numbers = {number for taken in _taken for number in taken._before}
    _forking.blocked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.blocked)


def _give_back_and_unblock() -> None:
    for taken in reversed(_taken[:]):
        taken.__exit__(None, None, None)
    _unblock()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(
        before=_block, after_in_parent=_unblock, after_in_child=_give_back_and_unblock
    )
