"""What a cycle's hypotheses come to, counted from its rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from audioforge.report.record import Line, RunRecord
from audioforge.report.word_errors import Errors, errors_of


@define
class Mean:
    """A mean that is summed up number by number."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float, weight: int = 1) -> None:
        """Add a number, or the sum of several."""
        self.total += value
        self.count += weight

    @property
    def value(self) -> float | None:
        """The mean; None of nothing."""
        return self.total / self.count if self.count else None


@define
class CycleHypotheses:
    """Of one cycle.

    Attributes:
        clips: Clips that were sampled.
        clips_kept: Clips of which something was kept.
        hypotheses: Hypotheses.
        kept: Hypotheses that were kept.
        rewards: Mean reward of each verifier, by its id.
        unjudged: Hypotheses that a verifier could not judge, by its id.
        sampled: Error rate of all hypotheses.
        oracle: Error rate of each clip's best hypothesis.
    """

    clips: int = 0
    clips_kept: int = 0
    hypotheses: int = 0
    kept: int = 0
    rewards: dict[str, Mean] = field(factory=dict)
    unjudged: dict[str, int] = field(factory=dict)
    sampled: Mean = field(factory=Mean)
    oracle: Mean = field(factory=Mean)

    def add(self, line: Line) -> None:
        """Count the hypotheses of a clip."""
        hypotheses = line["hypotheses"]
        kept = sum(bool(h.get("kept")) for h in hypotheses)
        self.clips += 1
        self.clips_kept += kept > 0
        self.hypotheses += len(hypotheses)
        self.kept += kept
        errors = []
        for hypothesis in hypotheses:
            scores: Mapping[str, Any] = hypothesis.get("scores", {})
            for name, score in scores.items():
                self._score(name, score.get("reward"))
            found = errors_of(scores["wer"]["metrics"]) if "wer" in scores else None
            if found is not None:
                errors.append(found)
        self._errors(errors)

    def _score(self, name: str, reward: float | None) -> None:
        mean = self.rewards.setdefault(name, Mean())
        if reward is None:
            self.unjudged[name] = self.unjudged.get(name, 0) + 1
        else:
            mean.add(reward)

    def _errors(self, errors: list[Errors]) -> None:
        if not errors:
            return
        for found in errors:
            self.sampled.add(found.count, found.units)
        best = min(errors, key=lambda found: found.count)
        self.oracle.add(best.count, best.units)


def hypotheses_of(record: RunRecord) -> dict[int, CycleHypotheses]:
    """Return what the hypotheses of each cycle come to, by its number."""
    found = {}
    for cycle in record.begun_cycles:
        counted = CycleHypotheses()
        for line in record.rollouts(cycle):
            counted.add(line)
        if counted.clips:
            found[cycle] = counted
    return found
