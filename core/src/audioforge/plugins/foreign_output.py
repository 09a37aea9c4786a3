"""What plugins print while they are loaded, kept off stdout, which may be a JSON document."""

from __future__ import annotations

import io
import sys


class StandardError(io.TextIOBase):
    """A stream that writes to stderr, and that foreign code may close without closing stderr."""

    def write(self, text: str) -> int:
        """Write text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush stderr."""
        sys.stderr.flush()

    def close(self) -> None:
        """Do nothing."""
