"""What the rewards of a cycle were, under the names that TRL gives them."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import define, field

from audioforge.sample import AudioSample, Hypothesis, Rollout, ScoredHypothesis


@define
class RewardStatistics:
    """Added up rollout by rollout.

    That takes 32 bytes for each clip, and for each hypothesis 16 and 8 for each verifier.

    Attributes:
        compared: What is compared of a hypothesis, to tell how many of a clip's are distinct; None
            where nobody asks.
        hypotheses: How many hypotheses there were.
        cut: How many of them a length limit ended, not the model.
        k: How many of them the latest clip has.
        clips: How many rollouts there were.
    """

    compared: Callable[[AudioSample, Hypothesis], str] | None = None
    _rewards: array[float] = field(factory=lambda: array("d"))
    _spreads: array[float] = field(factory=lambda: array("d"))
    _best: array[float] = field(factory=lambda: array("d"))
    _distinct: array[float] = field(factory=lambda: array("d"))
    _equal: Counter[float] = field(factory=Counter)
    _lengths: array[int] = field(factory=lambda: array("q"))
    _by_verifier: dict[str, array[float]] = field(factory=dict)
    hypotheses: int = 0
    cut: int = 0
    k: int = 0
    clips: int = 0

    def add(self, rollout: Rollout) -> None:
        """Add a rollout."""
        self.k = len(rollout.hypotheses)
        self.hypotheses += self.k
        self.cut += sum(h.hypothesis.cut for h in rollout.hypotheses)
        self.clips += 1
        for hypothesis in rollout.hypotheses:
            self._add_scores(hypothesis)
        if self.compared is not None:
            texts = {self.compared(rollout.sample, h.hypothesis) for h in rollout.hypotheses}
            self._distinct.append(len(texts) / self.k)
        rewards = rollout.rewards
        if rewards:
            self._rewards.extend(rewards)
            self._best.append(max(rewards))
            self._spreads.append(float(np.std(rewards)))
            # Not by the deviation, which rounding makes a hair larger than 0 for equal rewards.
            if len(set(rewards)) == 1:
                self._equal[rewards[0]] += 1

    def _add_scores(self, scored: ScoredHypothesis) -> None:
        """Add the length of a hypothesis, and what each verifier said of it."""
        if scored.hypothesis.tokens is not None:
            self._lengths.append(scored.hypothesis.tokens)
        for name, score in scored.scores.items():
            rewards = self._by_verifier.setdefault(name, array("d"))
            if score.reward is not None:
                rewards.append(score.reward)

    @property
    def highest(self) -> float | None:
        """The highest reward; None if no hypothesis has one."""
        return max(self._rewards, default=None)

    def reached_by(self, clips: int) -> float | None:
        """Return the reward that the best hypotheses of so many clips reach.

        What earns nothing does not count: where fewer clips earn anything, it is what all of those
        reach, and None where none does.
        """
        earned = sorted((best for best in self._best if best > 0), reverse=True)[:clips]
        return earned[-1] if earned else None

    @property
    def distinct(self) -> float | None:
        """Mean share of different hypotheses among a clip's, as they are compared.

        None without clips, or where nothing says what is compared.
        """
        return _mean(self._distinct)

    @property
    def frac_reward_zero_std(self) -> float | None:
        """Share of the clips with rewards whose rewards are all equal, which teach little."""
        return self._equal.total() / len(self._spreads) if self._spreads else None

    def frac_all_earn(self, reward: float) -> float | None:
        """Return the share of the clips with rewards whose hypotheses all earn this one."""
        return self._equal[reward] / len(self._spreads) if self._spreads else None

    def as_mapping(self) -> dict[str, Any]:
        """Return what `metrics.json` holds.

        Returns:
            reward: Mean over all hypotheses that have a reward; None if none has one.
            reward_std: Mean over clips of the standard deviation of the clip's rewards.
            frac_reward_zero_std: Share of clips whose rewards are all equal.
            hypotheses: How many hypotheses there were.
            hypotheses_cut: How many of them a length limit ended, not the model.
            unscored: How many of them have no reward.
            rewards: Of each verifier, by its id, `mean` and `std` over all hypotheses that it gave
                a reward; None if it gave none.
            lengths: `mean`, `min` and `max` of the hypotheses' numbers of tokens; None where the
                adapter does not tell them.
        """
        return {
            "reward": _mean(self._rewards),
            "reward_std": _mean(self._spreads),
            "frac_reward_zero_std": self.frac_reward_zero_std,
            "hypotheses": self.hypotheses,
            "hypotheses_cut": self.cut,
            "unscored": self.hypotheses - len(self._rewards),
            "rewards": {
                name: {"mean": _mean(rewards), "std": _deviation(rewards)}
                for name, rewards in sorted(self._by_verifier.items())
            },
            "lengths": {
                "mean": _mean(self._lengths),
                "min": min(self._lengths, default=None),
                "max": max(self._lengths, default=None),
            },
        }


def _mean(values: array[float] | array[int]) -> float | None:
    # fsum rounds once, so that the order in which processes wrote does not show.
    return math.fsum(values) / len(values) if values else None


def _deviation(values: array[float]) -> float | None:
    mean = _mean(values)
    if mean is None:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
