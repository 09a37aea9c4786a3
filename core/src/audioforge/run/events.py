"""What happens in a run, told once, to everybody who listens: terminal, files, trackers.

What comes before the loop (settings, data, disk) and how far a stage is goes to the terminal alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from audioforge.measuring.changed import Change
from audioforge.measuring.learnability import Learnability
from audioforge.sample import Rollout
from audioforge.terminal.reporter import Reporter


@frozen(kw_only=True)
class Step:
    """One step of the optimiser.

    Attributes:
        cycle: The cycle, from 1.
        number: Number of the step in its cycle, from 1.
        loss: Loss, in nats per token.
        grad_norm: Norm of all gradients together, before clipping.
        learning_rate: Learning rate that the optimiser used.
    """

    cycle: int
    number: int
    loss: float
    grad_norm: float
    learning_rate: float


@frozen(kw_only=True, eq=False)
class MeasuredCycle:
    """What a cycle came to.

    Attributes:
        number: Number of the cycle, from 1; 0 is the untouched base.
        figures: What `metrics.json` holds.
        metrics: Every corpus metric on the held-out set, by name; rates are fractions.
        predictions: What `predictions.jsonl` holds.
        line: The cycle's figures for people, on one line.
        changes: Utterances that it says otherwise than the base, better or worse.
        recalled: Whether it was measured before the run was resumed, and is written down.
    """

    number: int
    figures: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    predictions: Sequence[Mapping[str, Any]]
    line: str
    changes: Sequence[Change] = ()
    recalled: bool = False


class Listener:
    """Hears of a run on its main process; what a listener does not override passes it by."""

    def said(self, message: str) -> None:
        """Hear a line for people."""

    def warned(self, message: str) -> None:
        """Hear a warning."""

    def sampled(self, cycle: int, rollouts: Sequence[Rollout]) -> None:
        """Hear what this process drew of a few clips, with rewards."""

    def assessed(self, report: Learnability) -> None:
        """Hear what the base model's hypotheses offer."""

    def update_began(self, cycle: int, steps_done: int) -> None:
        """Hear that the steps of a cycle begin, or go on after those that a resume point has."""

    def stepped(self, step: Step) -> None:
        """Hear of a step of the optimiser."""

    def measured(self, cycle: MeasuredCycle) -> None:
        """Hear what a cycle came to."""

    def ended(self, summary: Mapping[str, Any] | None) -> None:
        """Hear that the run is over; the summary is None where it is not finished."""


@define(eq=False)
class Events:
    """The one stream of what happens in a run.

    Attributes:
        reporter: Shows how far a stage is; progress bars are no events.
        listeners: Who hears, in this order: files first, so that nobody hears of what is not
            written down.
    """

    reporter: Reporter
    listeners: list[Listener] = field(factory=list)

    def say(self, message: str) -> None:
        """Tell people something."""
        for listener in self.listeners:
            listener.said(message)

    def warn(self, message: str) -> None:
        """Warn people."""
        for listener in self.listeners:
            listener.warned(message)

    def sampled(self, cycle: int, rollouts: Sequence[Rollout]) -> None:
        """Tell what this process drew of a few clips, with rewards."""
        for listener in self.listeners:
            listener.sampled(cycle, rollouts)

    def assessed(self, report: Learnability) -> None:
        """Tell what the base model's hypotheses offer."""
        for listener in self.listeners:
            listener.assessed(report)

    def update_begins(self, cycle: int, steps_done: int) -> None:
        """Tell that the steps of a cycle begin, after those that a resume point has."""
        for listener in self.listeners:
            listener.update_began(cycle, steps_done)

    def step(self, step: Step) -> None:
        """Tell of a step of the optimiser."""
        for listener in self.listeners:
            listener.stepped(step)

    def measured(self, cycle: MeasuredCycle) -> None:
        """Tell what a cycle came to."""
        for listener in self.listeners:
            listener.measured(cycle)

    def end(self, summary: Mapping[str, Any] | None) -> None:
        """Tell that the run is over, with its summary, or stops here for now, with None."""
        for listener in self.listeners:
            listener.ended(summary)
