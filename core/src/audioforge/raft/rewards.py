"""What the rewards of a cycle were, under the names that TRL gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from audioforge.sample import Rollout


def reward_statistics(rollouts: Sequence[Rollout]) -> dict[str, Any]:
    """Return the mean reward, the mean spread within a clip, and counts.

    Returns:
        reward: Mean over all judged hypotheses; None if none was judged.
        reward_std: Mean over clips of the standard deviation of the clip's rewards.
        frac_reward_zero_std: Share of clips whose rewards are all equal, which teach little.
        hypotheses: How many there were.
        unscored: How many could not be judged.
    """
    groups = [r.rewards for r in rollouts]
    judged = [reward for group in groups for reward in group]
    spreads = [float(np.std(group)) for group in groups if group]
    # Not by the deviation, which rounding makes a hair larger than 0 for equal rewards.
    equal = [len(set(group)) == 1 for group in groups if group]
    total = sum(len(r.hypotheses) for r in rollouts)
    return {
        "reward": float(np.mean(judged)) if judged else None,
        "reward_std": float(np.mean(spreads)) if spreads else None,
        "frac_reward_zero_std": sum(equal) / len(equal) if equal else None,
        "hypotheses": total,
        "unscored": total - len(judged),
    }
