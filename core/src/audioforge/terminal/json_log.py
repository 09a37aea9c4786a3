"""One JSON object a line, for programs that watch: `--log-json`.

What else would be written to stderr (warnings of libraries, tracebacks, progress bars) comes as
objects too, so that every line can be read.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from audioforge.terminal.escapes import escape_json

EVENTS: Mapping[str, str] = {
    "info": "message: a line for people",
    "warning": "message: what is not as it should be",
    "error": "message: why the command fails, and what to do",
    "progress": "phase, done, total, unit, rate in units a second, seconds, seconds_left and "
    "run_seconds_left; at the end of each phase, and every 20 s",
    "step": "cycle, number, loss, grad_norm, learning_rate of a step of the optimiser",
    "rollouts": "cycle, clips, reward and best_reward: means over the clips of a batch",
    "learnability": "what the base model's hypotheses offer, as `summary.json` has it",
    "cycle": "message, cycle (0 is the base), recalled (of a run that goes on), figures, as the "
    "cycle's `metrics.json` has them",
    "changed": "message, id, text, before, after, gain: an utterance that the cycle says otherwise "
    "than the base; gain in what the metric counts, negative where it is worse",
    "end": "finished: whether the run is over; improved and reason, where it is",
    "output": "message: a line that something else wrote to stderr",
}
"""What each kind of object holds, beside `time` (UTC, ISO 8601) and `event`."""


def line(event: str, values: Mapping[str, Any]) -> str:
    """Return an object as a line of the log."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    text = json.dumps({"time": now, "event": event, **values}, ensure_ascii=False, default=str)
    return f"{escape_json(text)}\n"


class JsonLog:
    """Writes objects; a log that takes no more ends no run.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        """Nothing is written yet."""
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, event: str, values: Mapping[str, Any]) -> None:
        """Write an object.

        Args:
            event: What happened; see `EVENTS`.
            values: What it holds.
        """
        text = line(event, values)
        with self._lock, suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


class _ForeignLines(io.TextIOBase):
    """Takes the place of stderr, and passes whole lines on as objects."""

    def __init__(self, log: JsonLog, stream: TextIO) -> None:
        self._log, self._stream, self._begun = log, stream, ""

    def fileno(self) -> int:
        """Return the descriptor of stderr itself, for who writes past Python."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take text; write the lines that it ends."""
        *lines, self._begun = (self._begun + text).replace("\r", "\n").split("\n")
        for whole in filter(str.strip, lines):
            self._log.write("output", {"message": whole})
        return len(text)


_running: JsonLog | None = None


def running() -> JsonLog | None:
    """Return the log of this process; None where stderr is for people."""
    return _running


@contextmanager
def json_on_stderr() -> Iterator[JsonLog]:
    """Let nothing but objects reach stderr, within."""
    global _running
    stderr = sys.stderr
    _running = log = JsonLog(stderr)
    sys.stderr = foreign = _ForeignLines(log, stderr)
    try:
        yield log
    finally:
        foreign.write("\n")
        sys.stderr, _running = stderr, None
