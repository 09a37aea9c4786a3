"""A time limit on foreign code, by the alarm signal.

It interrupts Python code, sleeps, waits and the matching of regular expressions. Native code that
does not come back hears no signal; there a program that owns its process can have it ended.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from audioforge.isolation.signals import TakenSignals

T = TypeVar("T")

RING_AGAIN_SECONDS = 1.0
"""A first alarm can get lost: in a bare `except:`, in a destructor."""
LEAST_GRACE_SECONDS = 60.0
"""Native code has the limit once more, and at least this, before the process ends."""
LONGEST_SECONDS = 1e8
"""Three years; timers take no more."""

_ends_process = False


class OutOfTime(BaseException):
    """A call took longer than it may; no `Exception`, so that the call does not catch it."""


class _Alarm:
    """A signal handler that can be made deaf."""

    def __init__(self) -> None:
        self.armed = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.armed:
            raise OutOfTime


def end_stuck_process() -> None:
    """From now on, end this process when native code does not come back from a limited call.

    Its stack goes to stderr and its exit code is 1. Only for a program whose process is its own:
    it would take an embedding program along, and the one timer that `faulthandler` has.
    """
    global _ends_process
    _ends_process = True


def no_limit_because() -> str | None:
    """Return why no call can be limited here, or None where it can."""
    if not hasattr(signal, "setitimer"):
        return "this system has no alarm signal"
    if threading.current_thread() is not threading.main_thread():
        return "the run is not in the main thread"
    return None


def call_within(seconds: float, function: Callable[[], T]) -> T:
    """Call a function under a time limit.

    Outside of the main thread, and where there is no alarm signal (Windows), there is no limit;
    `no_limit_because` tells. An alarm that somebody else has set goes on afterwards.

    Args:
        seconds: The limit; 0 is none.
        function: What to call.

    Raises:
        OutOfTime: If it takes longer.
    """
    if not seconds or no_limit_because() is not None:
        return function()
    seconds, alarm, began = min(seconds, LONGEST_SECONDS), _Alarm(), time.monotonic()
    delay, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        with TakenSignals({signal.SIGALRM: alarm}):
            try:
                _watch(seconds)
                signal.setitimer(signal.ITIMER_REAL, seconds, RING_AGAIN_SECONDS)
                return function()
            finally:
                alarm.armed = False  # before anything that an alarm could interrupt
                signal.setitimer(signal.ITIMER_REAL, 0)
                _unwatch()
    finally:
        if delay:
            left = delay - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), interval)


def _watch(seconds: float) -> None:
    if _ends_process and sys.__stderr__ is not None:
        patience = seconds + max(seconds, LEAST_GRACE_SECONDS)
        faulthandler.dump_traceback_later(patience, exit=True, file=sys.__stderr__)


def _unwatch() -> None:
    if _ends_process:
        faulthandler.cancel_dump_traceback_later()
