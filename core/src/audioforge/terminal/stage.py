"""A stage of the work: how much of it is done, how fast, and how long the rest takes."""

from __future__ import annotations

import time
from typing import Any

from attrs import define, field

MINUTE, HOUR = 60, 3600


@define(eq=False)
class Stage:
    """Something that takes time.

    Attributes:
        what: What is done, for people.
        total: Units in all; None where nobody knows.
        unit: What is counted.
        done: Units that are done.
        started: When it began, on the monotonic clock.
        moved: When the latest unit was done; what is under way counts for nothing yet.
    """

    what: str
    total: int | None = None
    unit: str = "clips"
    done: int = 0
    started: float = field(factory=time.monotonic)
    moved: float = field(factory=time.monotonic)

    def advance(self, units: int) -> None:
        """Take note that so many units more are done."""
        self.done += units
        self.moved = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it takes already."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float | None:
        """Units a second; None before the first one is done."""
        took = self.moved - self.started
        return self.done / took if self.done and took > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; None where that is not known."""
        if self.total is None or not self.rate:
            return None
        under_way = time.monotonic() - self.moved
        return max((self.total - self.done) / self.rate - under_way, 0.0)

    def describe(self) -> str:
        """Return how far it is, on one line.

        >>> Stage("sample", total=80, started=time.monotonic() - 2).describe()
        'sample: 0/80 clips, 2 s so far'
        """
        if not self.done:
            count = f"0/{self.total:,} {self.unit}, " if self.total else ""
            return f"{self.what}: {count}{duration(self.seconds)} so far"
        count = f"{self.done:,}" + (f"/{self.total:,}" if self.total is not None else "")
        text = f"{self.what}: {count} {self.unit}"
        if self.rate:
            text += f", {_speed(self.rate)}"
        if self.seconds_left is not None:
            text += f", {duration(self.seconds_left)} left"
        return text

    def as_mapping(self) -> dict[str, Any]:
        """Return it as the JSON log holds it."""
        left = self.seconds_left
        return {
            "phase": self.what,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "rate": None if self.rate is None else round(self.rate, 4),
            "seconds": round(self.seconds, 3),
            "seconds_left": None if left is None else round(left, 1),
        }


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> duration(8.4), duration(200), duration(7320)
    ('8 s', '3 min 20 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR:,} h {whole % HOUR // MINUTE} min"


def _speed(rate: float) -> str:
    """Return a rate, by the minute where it is slow."""
    return f"{rate:,.1f}/s" if rate >= 1 else f"{MINUTE * rate:,.1f}/min"
