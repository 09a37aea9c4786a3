"""What takes part in a reward."""

from __future__ import annotations

from collections.abc import Mapping

from audioforge.sample import Score


def weighted_rewards(
    scores: Mapping[str, Score], weights: Mapping[str, float]
) -> list[tuple[float, float]]:
    """Return (weight, reward) of each verifier that has a weight and could judge."""
    return [
        (weights[identity], score.reward)
        for identity, score in scores.items()
        if score.reward is not None and weights[identity] > 0
    ]
