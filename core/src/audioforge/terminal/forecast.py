"""How long the rest of a run takes: what was seen tells of what was not.

Everything is counted in greedy decodings of one clip. A kind of phase that was seen has its own
speed, the latest; one that was not has that of those that were.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from audioforge.terminal.stage import Stage


@frozen
class Phase:
    """A phase that is still to come, or runs.

    Attributes:
        name: How the stage's own name begins.
        kind: "evaluate", "sample" or "update"; phases of one kind have one speed.
        units: How many clips or steps it has.
        cost: What a unit costs, in greedy decodings of one clip.
    """

    name: str
    kind: str
    units: float
    cost: float

    @property
    def work(self) -> float:
        """What it costs in all."""
        return self.units * self.cost


class Forecast:
    """Follows a run through its phases.

    Args:
        phases: The phases, in order; one of which a run finds everything done is passed over.
    """

    def __init__(self, phases: Sequence[Phase]) -> None:
        """Nothing is seen yet."""
        self._coming = list(phases)
        self._now: tuple[Phase, Stage] | None = None
        self._speeds: dict[str, float] = {}

    def begins(self, stage: Stage) -> None:
        """Take note that a stage begins; one that is no phase is left alone."""
        found = [i for i, phase in enumerate(self._coming) if stage.what.startswith(phase.name)]
        if not found or stage.total is None:
            return
        phase = evolve(self._coming[found[0]], units=stage.total)
        del self._coming[: found[0] + 1]
        if phase.kind == "update":  # so much is kept: the best guess for the cycles to come
            self._coming = [
                evolve(p, units=phase.units) if p.kind == phase.kind else p for p in self._coming
            ]
        self._now = phase, stage

    def ends(self, stage: Stage) -> None:
        """Take note of how fast a phase was."""
        if self._now is not None and self._now[1] is stage:
            phase = self._now[0]
            if stage.done:
                self._speeds[phase.kind] = stage.seconds / (stage.done * phase.cost)
            self._now = None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest of the run takes; None before anything is seen."""
        speeds, left = dict(self._speeds), 0.0
        if self._now is not None:
            phase, stage = self._now
            if stage.rate is not None:
                speeds[phase.kind] = 1 / (stage.rate * phase.cost)
        if not speeds:
            return None
        usual = sum(speeds.values()) / len(speeds)
        if self._now is not None:
            phase, stage = self._now
            known = stage.seconds_left
            expected = phase.work * speeds.get(phase.kind, usual) - stage.seconds
            left = max(expected, 0.0) if known is None else known
        return left + sum(phase.work * speeds.get(phase.kind, usual) for phase in self._coming)
