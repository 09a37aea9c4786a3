"""The reward aggregator `weighted_mean`."""

from __future__ import annotations

from collections.abc import Mapping

from audioforge.reward import RewardAggregator
from audioforge.sample import Score


class WeightedMean(RewardAggregator):
    """Mean of the rewards, weighted; the weights of those that judged are renormalised."""

    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Return Σ wᵢ·rᵢ / Σ wᵢ over the verifiers that judged, None if Σ wᵢ is 0."""
        judged = [
            (weights[i], s.reward)
            for i, s in scores.items()
            if s.reward is not None and weights[i] > 0
        ]
        total = sum(weight for weight, _ in judged)
        if total == 0:
            return None
        mean = sum(weight * reward for weight, reward in judged) / total
        rewards = [reward for _, reward in judged]
        # Rounding can leave the mean a hair outside the range of its parts, and so below a
        # threshold that each of them meets.
        return min(max(rewards), max(min(rewards), mean))
