"""What is going on, for whoever shows it: the stage, the rest of the run, a few lines beside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from attrs import define, field

from audioforge.terminal.forecast import Forecast
from audioforge.terminal.stage import Stage, duration


@define(eq=False)
class Scene:
    """What is going on.

    Attributes:
        stage: What is done now; None between stages.
        forecast: How long the run takes; None where there is no run.
        beside: Lines that a live view shows below the stage.
        started: When it began, on the monotonic clock.
    """

    stage: Stage | None = None
    forecast: Forecast | None = None
    beside: Sequence[str] = ()
    started: float = field(factory=time.monotonic)

    def begin(self, stage: Stage) -> Stage | None:
        """Enter a stage; return the one that it interrupts, to go back to."""
        before, self.stage = self.stage, stage
        if self.forecast is not None:
            self.forecast.begins(stage)
        return before

    def end(self, stage: Stage, before: Stage | None) -> None:
        """Leave a stage."""
        self.stage = before
        if self.forecast is not None:
            self.forecast.ends(stage)

    @property
    def run_left(self) -> float | None:
        """Seconds that the rest of the run takes; None where that is not known."""
        return None if self.forecast is None else self.forecast.seconds_left

    def describe(self) -> str:
        """Return how far it is, on one line."""
        stage, left = self.stage, self.run_left
        text = "at work" if stage is None else stage.describe()
        run = f"; run: {duration(time.monotonic() - self.started)} so far"
        if left is not None:
            run += f", about {duration(left)} left"
        return text if self.forecast is None else text + run

    def as_mapping(self) -> dict[str, Any]:
        """Return it as the JSON log holds it."""
        stage = Stage("at work") if self.stage is None else self.stage
        left = self.run_left
        return {**stage.as_mapping(), "run_seconds_left": None if left is None else round(left, 1)}
