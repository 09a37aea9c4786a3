"""Control characters in what Python and libraries write to stderr by themselves.

A warning, a library's log line or a traceback may quote a file name, a transcript or a key of
somebody's `config.json`. What AudioForge prints goes through `console`; this is the rest.
"""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from types import TracebackType

from audioforge.errors import PluginWarning
from audioforge.terminal.escapes import escape_controls, one_line


def escape_foreign_text() -> None:
    """Spell control characters out in warnings, log records and tracebacks of this process."""
    plain = warnings.formatwarning

    def formatted(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if issubclass(category, PluginWarning):  # for users: not the line that noticed it
            return f"Warning: {one_line(str(message))}\n"
        return escape_controls(plain(message, category, filename, lineno, line))

    warnings.formatwarning = formatted
    logging.setLogRecordFactory(_EscapedRecord)
    sys.excepthook = _report


class _EscapedRecord(logging.LogRecord):
    def getMessage(self) -> str:  # noqa: N802
        """Return the message, escaped."""
        return escape_controls(super().getMessage())


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(escape_controls("".join(traceback.format_exception(kind, error, trace))))
