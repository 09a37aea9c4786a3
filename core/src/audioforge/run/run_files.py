"""The listener that writes what happens into the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from audioforge.run.events import Listener, MeasuredCycle, Step
from audioforge.run.folder import RunFolder


class RunFiles(Listener):
    """Writes steps, metrics, predictions and the summary.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is written yet."""
        self._folder = folder

    def update_began(self, cycle: int, steps_done: int) -> None:
        """Keep the lines of the steps that are not done again."""
        self._folder.begin_steps(cycle, steps_done)

    def stepped(self, step: Step) -> None:
        """Add the line of a step."""
        values = attrs.asdict(step)
        del values["cycle"]  # which the folder tells
        self._folder.write_step(step.cycle, {"step": values.pop("number"), **values})

    def measured(self, cycle: MeasuredCycle) -> None:
        """Write predictions, then metrics: these say that the cycle is finished."""
        if not cycle.recalled:
            self._folder.write_predictions(cycle.number, cycle.predictions)
            self._folder.write_metrics(cycle.number, cycle.figures)

    def ended(self, summary: Mapping[str, Any] | None) -> None:
        """Write the summary, which says that the run is finished."""
        if summary is not None:
            self._folder.write_summary(summary)
