"""Adding up scores: a few numbers for each sample, however much text or audio it had."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen

from audioforge.inference.runaway import runs_away
from audioforge.measuring.bootstrap import Interval, ratio_interval
from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.measuring.style import StyleCount
from audioforge.sample import Problem, Rollout, Score, ScoredHypothesis

MOST_BLOCKS = 1000
"""Samples beyond this are resampled in blocks of neighbours: the interval stays what it is, to what
2,000 resamples can tell, and its memory is bounded."""

NO_REWARD = "no verifier could judge it"


def unscored(where: str, scored: ScoredHypothesis, has_part: Callable[[str], bool]) -> Problem:
    """Return why a hypothesis has no reward.

    Args:
        where: Place of the hypothesis, for messages.
        scored: The hypothesis.
        has_part: Whether a verifier has a part in the reward.
    """
    failed = [i for i, s in scored.scores.items() if s.error is not None and has_part(i)]
    if not failed:
        return Problem(where, NO_REWARD, NO_REWARD)
    reasons = "; ".join(f"verifier '{i}' failed: {scored.scores[i].error}" for i in failed)
    return Problem(where, reasons, f"verifier '{failed[0]}' failed")


class Ratio:
    """A ratio of sums over samples: a mean, a rate, a share.

    A sample's k hypotheses go up together: they are not k independent observations.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._numerators, self._denominators = array("d"), array("d")

    def add(self, parts: Sequence[tuple[float, float]]) -> None:
        """Add one sample: numerator and denominator of each of its hypotheses."""
        if len(parts) == 1:  # most files have one hypothesis a sample
            ((numerator, denominator),) = parts
        else:
            numerator = math.fsum(n for n, _ in parts)
            denominator = math.fsum(d for _, d in parts)
        self._numerators.append(numerator)
        self._denominators.append(denominator)

    @property
    def total(self) -> float:
        """The sum of the denominators."""
        return math.fsum(self._denominators)

    @property
    def counted(self) -> int:
        """How many samples have something to divide by."""
        return sum(map(bool, self._denominators))

    @property
    def value(self) -> float | None:
        """The ratio; None when the denominator is 0."""
        return math.fsum(self._numerators) / self.total if self.total else None

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the ratio by resampling samples; None when the denominator is 0."""
        if not self.total:
            return None
        return ratio_interval(_blocks(self._numerators), _blocks(self._denominators))


def _blocks(values: array[float]) -> np.ndarray:
    """Return the values, or where there are many the sums of blocks of neighbours."""
    size = math.ceil(len(values) / MOST_BLOCKS)
    blocks: np.ndarray = np.add.reduceat(np.asarray(values), np.arange(0, len(values), size))
    return blocks


@frozen
class VerifierTally:
    """What one verifier said.

    Attributes:
        weight: Share of the verifier in the reward; 0 was only recorded.
        reward: Mean of the rewards that it gave.
        passed: Share of hypotheses that passed, among those of which it says whether they did.
        counts: How many hypotheses got a reward ("scored"), got none ("unscored"), and how many it
            "failed" on, which are also among the unscored.
    """

    weight: float
    reward: Ratio = field(factory=Ratio)
    passed: Ratio = field(factory=Ratio)
    counts: Counter[str] = field(factory=Counter)

    def add(self, scores: Sequence[Score]) -> None:
        """Add the verifier's scores of one sample's hypotheses."""
        self.reward.add([_parts(score.reward) for score in scores])
        self.passed.add([_parts(score.passed) for score in scores])
        self.counts.update("unscored" if s.reward is None else "scored" for s in scores)
        self.counts["failed"] += sum(s.error is not None for s in scores)

    def as_mapping(self) -> dict[str, Any]:
        """Return what the verifier said, as `audioforge verify --json` prints it."""
        return {
            "weight": self.weight,
            "reward": self.reward.value,
            "passed": self.passed.value,
            "scored": self.counts["scored"],
            "unscored": self.counts["unscored"],
            "failed": self.counts["failed"],
        }


class Tally:
    """What was scored until now.

    Args:
        weights: Every verifier's weight, by its id.
        metrics: The corpus metrics, by name.
        has_part: Whether a verifier has a part in the reward.

    Attributes:
        reward: Mean over the hypotheses that have a reward.
        passed: Share of these that passed with every weighted verifier that says whether they did.
        scored: How many hypotheses have a reward.
        unscored: How many lines have none, by the reason.
        cut: How many hypotheses a length limit ended.
        style: In how many transcripts are capitals, small letters and punctuation.
        runaway: How many hypotheses run away: these, and those that repeat themselves.
        examples: The first problem of each kind.
        verifiers: What each verifier said.
        metrics: The corpus metrics, by name.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        metrics: Mapping[str, MeasuredMetric],
        has_part: Callable[[str], bool],
    ) -> None:
        """Start with nothing."""
        self._weights, self._metrics, self._has_part = weights, metrics, has_part
        self.reward, self.passed = Ratio(), Ratio()
        self.scored = self.cut = self.runaway = 0
        self.style = StyleCount()
        self.unscored: Counter[str] = Counter()
        self.examples: dict[str, Problem] = {}
        self.verifiers = {i: VerifierTally(weight) for i, weight in weights.items()}
        self.metrics = {name: Ratio() for name in metrics}
        self._others = dict.fromkeys(metrics, (0.0, 0.0))  # sums of what does not run away

    def add_problem(self, problem: Problem) -> None:
        """Add a line that could not be scored."""
        self.unscored[problem.kind] += 1
        self.examples.setdefault(problem.kind, problem)

    def add(self, rollout: Rollout, where: Sequence[str]) -> None:
        """Add one sample.

        Args:
            rollout: The sample's hypotheses, scored.
            where: Place of each hypothesis, for messages.
        """
        hypotheses = rollout.hypotheses
        for identity, tally in self.verifiers.items():
            tally.add([h.scores[identity] for h in hypotheses])
        self.cut += sum(h.hypothesis.cut for h in hypotheses)
        for h in hypotheses:
            if h.hypothesis.text is not None:
                self.style.add(h.hypothesis.text)
        run_away = [runs_away(h.hypothesis) for h in hypotheses]
        self.runaway += sum(run_away)
        rows = [{i: s.metrics for i, s in h.scores.items()} for h in hypotheses]
        for name, metric in self._metrics.items():
            parts = [metric.parts(row) for row in rows]
            self.metrics[name].add(parts)
            others = [part for part, away in zip(parts, run_away, strict=True) if not away]
            self._others[name] = _summed([self._others[name], *others])
        self.reward.add([_parts(h.reward) for h in hypotheses])
        self.passed.add([_parts(self._has_passed(h)) for h in hypotheses])
        for place, hypothesis in zip(where, hypotheses, strict=True):
            if hypothesis.reward is None:
                self.add_problem(unscored(place, hypothesis, self._has_part))
            else:
                self.scored += 1

    @property
    def without_runaway(self) -> dict[str, float]:
        """Every corpus metric of what does not run away; one without anything is missing."""
        sums = self._others.items()
        return {name: part / whole for name, (part, whole) in sums if whole}

    def _has_passed(self, hypothesis: ScoredHypothesis) -> bool | None:
        if hypothesis.reward is None:
            return None
        weighted = (s for i, s in hypothesis.scores.items() if self._weights[i] > 0)
        verdicts = [s.passed for s in weighted if s.passed is not None]
        return all(verdicts) if verdicts else None


def _summed(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return math.fsum(n for n, _ in parts), math.fsum(d for _, d in parts)


def _parts(value: float | None) -> tuple[float, float]:
    return (0.0, 0.0) if value is None else (float(value), 1.0)
