"""Between the workers of an update and the run that waits for them: an actor, made of this class.

It holds plain values alone, and imports nothing, so that it is there at once.
"""

from __future__ import annotations

from typing import Any

Letter = tuple[str, dict[str, Any]]
"""What happened, and its particulars: plain values."""


class Mailbox:
    """Keeps what workers tell until the run takes it, and whether the run is to stop."""

    def __init__(self) -> None:
        """Nothing was told, and nobody asked to stop."""
        self._letters: list[Letter] = []
        self._stop: int | None = None

    def put(self, what: str, particulars: dict[str, Any]) -> None:
        """Take a letter in.

        Args:
            what: What happened.
            particulars: Plain values by name.
        """
        self._letters.append((what, particulars))

    def take(self) -> list[Letter]:
        """Return the letters since the last time, the oldest first; each is handed out once."""
        letters, self._letters = self._letters, []
        return letters

    def ask_to_stop(self, number: int) -> None:
        """Ask the workers to stop.

        Args:
            number: The signal that asks.
        """
        self._stop = number

    def stop_number(self) -> int | None:
        """Return the signal that asks to stop; None while nobody does."""
        return self._stop
