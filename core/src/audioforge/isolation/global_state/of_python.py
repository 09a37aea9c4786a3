"""The state of Python, NumPy and the operating system's process.

NumPy is not imported to look at it: where nobody has, its state is that in which it starts.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from audioforge.isolation.global_state.kind import Generator, Kind

SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)  # Windows has few
]
"""What stops a run, what a scheduler sends, and what a lost one makes `subprocess` misread."""

FLOAT_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
"""What NumPy does of itself about floating-point errors."""


def kinds() -> list[Kind]:
    """Return what there is to look at."""
    found = [
        Kind("the working directory", _working_directory, os.chdir),
        Kind("environment variables", os.environ.copy, os.environ.update, _keeps_environment),
        Kind("NumPy's treatment of floating-point errors", _float_errors, _set_float_errors),
    ]
    if threading.current_thread() is threading.main_thread():
        found.append(Kind("signal handlers", _signal_handlers, _set_signal_handlers))
    return found


def generators() -> list[Generator]:
    """Return the generators that have no owner."""
    import numpy as np

    return [
        Generator(random.getstate, random.setstate, random.seed),
        Generator(np.random.get_state, np.random.set_state, np.random.seed),
    ]


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # somebody removed it
        return ""


def _keeps_environment(before: dict[str, str], now: dict[str, str]) -> bool:
    """Whether what was set is set to the same; libraries set new ones on import, and need them."""
    return before.items() <= now.items()


def _float_errors() -> dict[str, str]:
    numpy = sys.modules.get("numpy")
    return FLOAT_ERRORS if numpy is None else dict(numpy.geterr())


def _set_float_errors(treatment: dict[str, str]) -> None:
    if numpy := sys.modules.get("numpy"):
        numpy.seterr(**treatment)


def _signal_handlers() -> dict[signal.Signals, Any]:
    return {number: signal.getsignal(number) for number in SIGNALS}


def _set_signal_handlers(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # one that native code has set
            signal.signal(number, handler)
