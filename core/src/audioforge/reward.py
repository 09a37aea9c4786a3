"""The contract of a reward aggregator: many scores, one reward."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from audioforge.sample import Score


class RewardAggregator(ABC):
    """Turns the scores of one hypothesis into its reward.

    Attributes:
        requires: Ids of verifiers whose scores it must see whatever their weight; a run adds those
            that it does not have, with weight 0.
    """

    requires: tuple[str, ...] = ()

    @abstractmethod
    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Combine scores.

        Args:
            scores: A score by verifier id, for the verifiers that have a weight or are required;
                one whose reward is None takes no part. A copy, as are the weights.
            weights: A weight by verifier id, none negative.

        Returns:
            A reward in [0, 1], or None when no score takes part.
        """
