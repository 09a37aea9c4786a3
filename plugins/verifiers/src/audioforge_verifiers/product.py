"""The reward aggregator `product`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge_verifiers.weighted_rewards import weighted_rewards


class Product(RewardAggregator):
    """Product of the rewards with their weights as exponents: one reward of 0 makes it 0.

    The exponents are renormalised to the sum 1, which is the weighted geometric mean. In a plain
    product a verifier that cannot judge would count as full marks, and every further verifier
    would move the reward away from the threshold that it is compared with.
    """

    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Return Π rᵢ^(wᵢ / Σ w) over the verifiers that judged, None if there is none."""
        weighted = weighted_rewards(scores, weights)
        rewards = [reward for _, reward in weighted]
        if not weighted or min(rewards) == 0:
            return 0.0 if weighted else None
        total = sum(weight for weight, _ in weighted)
        mean = math.exp(sum(weight * math.log(reward) for weight, reward in weighted) / total)
        # Rounding can leave it a hair outside the range of its parts.
        return min(max(rewards), max(min(rewards), mean))
