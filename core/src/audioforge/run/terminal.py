"""The listener that tells the person who watches, and the program that does."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from audioforge.measuring.changed import telling
from audioforge.measuring.learnability import Learnability
from audioforge.run.events import Listener, MeasuredCycle, Step
from audioforge.sample import Hypothesis, Rollout
from audioforge.terminal.escapes import one_line
from audioforge.terminal.reporter import Reporter

LATEST = 64
"""Clips that the live view's rewards are of."""
SHOWN = 3
"""Hypotheses, and changed utterances, that are shown."""
SHOWN_VERBOSE = 10
"""Changed utterances of which `-v` is told."""


class Terminal(Listener):
    """Says lines, warnings and what became of each cycle; shows beside them what the model says.

    Args:
        reporter: Where to say them.
    """

    def __init__(self, reporter: Reporter) -> None:
        """Nothing is said yet."""
        self._reporter = reporter
        self._latest: deque[Sequence[float]] = deque(maxlen=LATEST)
        self._room = ""

    def said(self, message: str) -> None:
        """Say a line."""
        self._reporter.info(message)

    def warned(self, message: str) -> None:
        """Say a warning."""
        self._reporter.warn(message)

    def sampled(self, cycle: int, rollouts: Sequence[Rollout]) -> None:
        """Show the latest rewards, and what the model says of one clip."""
        rewards = [rollout.rewards for rollout in rollouts if rollout.rewards]
        if not rewards:
            return
        self._latest.extend(rewards)
        self._reporter.show_beside([*self._rewards(), *_hypotheses(rollouts[-1])])
        values = {"cycle": cycle, "clips": len(rewards), "reward": _mean(rewards)}
        values["best_reward"] = sum(map(max, rewards)) / len(rewards)
        self._reporter.event("rollouts", values=values)

    def assessed(self, report: Learnability) -> None:
        """Say whether there is anything to learn, and keep it in sight."""
        line = f"to learn: {report.describe()}"
        self._room = line
        self._reporter.event("learnability", line, report.as_mapping())
        self._reporter.show_beside([line])

    def stepped(self, step: Step) -> None:
        """Show the loss of a step."""
        line = (
            f"cycle {step.cycle}, step {step.number}: loss {step.loss:.4g}, gradient norm "
            f"{step.grad_norm:.3g}, rate {step.learning_rate:.3g}"
        )
        self._reporter.event("step", line, attrs.asdict(step), detail=True)
        self._reporter.show_beside([line, *filter(None, [self._room])])

    def measured(self, cycle: MeasuredCycle) -> None:
        """Say the line of a cycle, and a few utterances that it says otherwise than the base."""
        changes = telling(cycle.changes, SHOWN_VERBOSE)
        values = {"cycle": cycle.number, "recalled": cycle.recalled, "figures": cycle.figures}
        self._reporter.event("cycle", cycle.line, values)
        for number, change in enumerate([] if cycle.recalled else changes):
            lines, beyond = change.describe(), number >= SHOWN
            self._reporter.event("changed", lines, change.as_mapping(), detail=beyond)
        self._reporter.show_beside(list(filter(None, [self._room])))

    def ended(self, summary: Mapping[str, Any] | None) -> None:
        """Tell programs that the run is over, or stops here for now."""
        found = {} if summary is None else {k: summary[k] for k in ("improved", "reason")}
        self._reporter.event("end", values={"finished": summary is not None, **found})

    def _rewards(self) -> list[str]:
        """Return a line on the latest rewards, and one on the oracle where it is known."""
        rows, count = self._latest, len(self._latest)
        equal = sum(len(set(row)) == 1 for row in rows)
        best = sum(map(max, rows)) / count
        line = (
            f"rewards, last {count} clips: mean {_mean(rows):.2f}, best of each {best:.2f}, "
            f"no spread in {100 * equal / count:.0f} %"
        )
        return [line, *filter(None, [self._room])]


def _hypotheses(rollout: Rollout) -> list[str]:
    """Return what is right of a clip, and what the model says of it, the best first."""
    scored = sorted(
        rollout.hypotheses, key=lambda h: -1.0 if h.reward is None else h.reward, reverse=True
    )
    right = rollout.sample.reference
    lines = [] if right is None else [f"right  {right}"]
    for hypothesis in scored[:SHOWN]:
        reward = "  - " if hypothesis.reward is None else f"{hypothesis.reward:.2f}"
        lines.append(f"{reward}   {_said(hypothesis.hypothesis)}")
    return [one_line(line) for line in lines]


def _said(hypothesis: Hypothesis) -> str:
    if hypothesis.audio is None:
        return hypothesis.content
    return hypothesis.audio.name if isinstance(hypothesis.audio, Path) else "sound"


def _mean(rows: Sequence[Sequence[float]] | deque[Sequence[float]]) -> float:
    return sum(map(sum, rows)) / sum(map(len, rows))
