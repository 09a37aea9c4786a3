"""The reward aggregator `minimum`."""

from __future__ import annotations

from collections.abc import Mapping

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge_verifiers.weighted_rewards import weighted_rewards


class Minimum(RewardAggregator):
    """The lowest reward: nothing makes up for what is worst. Weights above 0 are all the same."""

    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Return the least reward of the verifiers that judged, None if there is none."""
        return min((reward for _, reward in weighted_rewards(scores, weights)), default=None)
