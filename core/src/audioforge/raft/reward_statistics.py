"""What the rewards of a cycle were, under the names that TRL gives them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
from attrs import define, field

from audioforge.sample import Rollout


def reward_statistics(rollouts: Iterable[Rollout]) -> dict[str, Any]:
    """Return the mean reward, the mean spread within a clip, and counts.

    Returns:
        reward: Mean over all judged hypotheses; None if none was judged.
        reward_std: Mean over clips of the standard deviation of the clip's rewards.
        frac_reward_zero_std: Share of clips whose rewards are all equal, which teach little.
        hypotheses: How many there were.
        unscored: How many could not be judged.
    """
    statistics = RewardStatistics()
    for rollout in rollouts:
        statistics.add(rollout)
    return statistics.as_mapping()


@define
class RewardStatistics:
    """The same, added up rollout by rollout; 16 bytes for each hypothesis and clip."""

    _judged: array[float] = field(factory=lambda: array("d"))
    _spreads: array[float] = field(factory=lambda: array("d"))
    _equal: int = 0
    _hypotheses: int = 0

    def add(self, rollout: Rollout) -> None:
        """Add a rollout."""
        self._hypotheses += len(rollout.hypotheses)
        rewards = rollout.rewards
        if rewards:
            self._judged.extend(rewards)
            self._spreads.append(float(np.std(rewards)))
            # Not by the deviation, which rounding makes a hair larger than 0 for equal rewards.
            self._equal += len(set(rewards)) == 1

    @property
    def frac_reward_zero_std(self) -> float | None:
        """Share of judged clips whose rewards are all equal."""
        return self._equal / len(self._spreads) if self._spreads else None

    def as_mapping(self) -> dict[str, Any]:
        """Return what `reward_statistics` returns."""
        return {
            "reward": _mean(self._judged),
            "reward_std": _mean(self._spreads),
            "frac_reward_zero_std": self.frac_reward_zero_std,
            "hypotheses": self._hypotheses,
            "unscored": self._hypotheses - len(self._judged),
        }


def _mean(values: array[float]) -> float | None:
    # fsum rounds once, so that the order in which processes wrote does not show.
    return math.fsum(values) / len(values) if values else None
