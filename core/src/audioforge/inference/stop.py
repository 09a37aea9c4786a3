"""Stopping when somebody asks: after the batch that is under way, or, asked twice, at once.

Ctrl-C sends SIGINT; schedulers send SIGTERM before they take the machine away.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType

from audioforge.errors import AudioForgeError
from audioforge.isolation.signals import TakenSignals
from audioforge.terminal import json_log

SIGNALS = (signal.SIGINT, signal.SIGTERM)

TWICE_AFTER_SECONDS = 2.0
"""Under torchrun a Ctrl-C arrives twice, from the terminal and from the launcher; from then on a
second one counts."""


class Interrupted(AudioForgeError):
    """The run was asked to stop, and stopped where it can go on.

    Args:
        number: Number of the signal that asked.
    """

    def __init__(self, number: int) -> None:
        """Set the exit code that shells have for the signal."""
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number
        self.exit_code = 128 + number


class StopRequest:
    """Takes SIGINT and SIGTERM over while it is entered.

    The first asks to stop, which `check` answers at the next safe point; the second raises
    KeyboardInterrupt wherever the run is. Processes that are forked meanwhile know nothing of it.
    Outside of the main thread signals cannot be taken over, and it does nothing.
    """

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._number: int | None = None
        self._asked_at = 0.0
        self._taken: TakenSignals | None = None

    def __enter__(self) -> StopRequest:
        """Take the signals over."""
        if self.can_be_heard:
            self._taken = TakenSignals(dict.fromkeys(SIGNALS, self._handle)).__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        if self._taken is not None:
            self._taken.__exit__(kind, error, trace)

    @property
    def can_be_heard(self) -> bool:
        """Whether signals can be taken over here: in the main thread only."""
        return threading.current_thread() is threading.main_thread()

    @property
    def number(self) -> int | None:
        """The signal that asked to stop; None while nobody has."""
        return self._number

    def check(self) -> None:
        """Stop here if that was asked.

        Raises:
            Interrupted: If it was.
        """
        number = self.number
        if number is not None:
            raise Interrupted(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._number is None:
            self._number, self._asked_at = number, time.monotonic()
            # Not through Python's streams, which the interrupted code may be in the middle of.
            _say("Stopping after this batch; once more to stop at once.")
            return
        launched = "TORCHELASTIC_RUN_ID" in os.environ
        if launched and time.monotonic() - self._asked_at < TWICE_AFTER_SECONDS:
            return
        raise KeyboardInterrupt


def _say(text: str) -> None:
    if os.environ.get("RANK", "0") != "0":
        return
    is_log = json_log.running() is not None
    line = json_log.line("info", {"message": text}) if is_log else f"\n{text}\n"
    try:
        os.write(2, line.encode())
    except OSError:  # nobody listens any more
        return
