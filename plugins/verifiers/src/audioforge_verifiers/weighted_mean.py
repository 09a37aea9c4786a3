"""The reward aggregator `weighted_mean`."""

from __future__ import annotations

from collections.abc import Mapping

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge_verifiers.weighted_rewards import weighted_rewards


class WeightedMean(RewardAggregator):
    """Mean of the rewards, weighted; the weights of those that judged are renormalised."""

    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Return Σ wᵢ·rᵢ / Σ wᵢ over the verifiers that judged, None if there is none."""
        weighted = weighted_rewards(scores, weights)
        if not weighted:
            return None
        mean = sum(weight * reward for weight, reward in weighted) / sum(w for w, _ in weighted)
        rewards = [reward for _, reward in weighted]
        # Rounding can leave the mean a hair outside the range of its parts, and so below a
        # threshold that each of them meets.
        return min(max(rewards), max(min(rewards), mean))
