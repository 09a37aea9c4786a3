"""The reward aggregator `gated`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from attrs import field, frozen

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge_verifiers.weighted_mean import WeightedMean


def _split(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a list whose items may hold several, as in "a+b"."""
    return tuple(name.strip() for item in names for name in item.split("+") if name.strip())


@frozen
class GatedOptions:
    """Options of `gated`.

    Attributes:
        require: Ids of the verifiers that must pass: `require=a+b`, in YAML also a list.
    """

    require: tuple[str, ...] = field(converter=_split)

    @require.validator
    def _check(self, _: attrs.Attribute[Any], names: tuple[str, ...]) -> None:
        if not names:
            raise ValueError("require: name at least one verifier, as in require=hallucination")


class Gated(RewardAggregator):
    """Zero unless every named verifier passed, else the weighted mean of those with a weight."""

    def __init__(self, require: Iterable[str]) -> None:
        """Create the aggregator; see `GatedOptions`."""
        self.requires = tuple(dict.fromkeys(require))
        self._mean = WeightedMean()

    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Return the weighted mean, 0 if a gate did not pass, None if one could not judge.

        One gate that did not pass settles it, whatever the others could not judge.
        """
        passed = [scores[identity].passed for identity in self.requires]
        if False in passed:
            return 0.0
        return None if None in passed else self._mean.aggregate(scores, weights)
