"""The lines with the lowest rewards, however many there are."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any

MOST = 20
"""How many are kept."""


class Worst:
    """Keeps the lines of the lowest rewards, the first of equal ones."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._kept: list[tuple[float, int, dict[str, Any]]] = []  # the best of these comes first

    def watched(self, lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the lines as they come, and remember the worst; one without a reward is none."""
        for number, line in enumerate(lines):
            if line["reward"] is not None and line["reward"] < 1:
                # No two have one number, so that lines themselves are never compared.
                entry = (-line["reward"], -number, line)
                if len(self._kept) < MOST:
                    heapq.heappush(self._kept, entry)
                else:
                    heapq.heappushpop(self._kept, entry)
            yield line

    @property
    def lines(self) -> tuple[dict[str, Any], ...]:
        """What was kept, the worst first."""
        return tuple(line for *_, line in sorted(self._kept, reverse=True))
