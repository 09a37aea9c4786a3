"""How often something may be started again without getting any further."""

from __future__ import annotations


class Restarts:
    """Counts restarts since there was progress.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        """Nothing failed yet."""
        self._most, self._count, self._reached = most, 0, 0

    def again(self, reached: int) -> bool:
        """Count a failure; say whether to try again.

        Args:
            reached: How far it got, such as the steps that were done; what is done again adds
                nothing to it.
        """
        if reached > self._reached:
            self._reached, self._count = reached, 0
        self._count += 1
        return self._count <= self._most

    def describe(self) -> str:
        """Return which restart it is."""
        return f"restart {self._count} of {self._most} without progress"
