"""Scales on which the cosine of two voices becomes a reward."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from attrs import frozen

from audioforge import keyed_random
from audioforge.sample import AudioSample

MOST_PAIRS = 50
"""Pairs of recordings that are listened to."""
FEWEST_PAIRS = 10
LEAST_STEP = 0.02
"""Cosine that lies between the points of a linear scale at least."""


class Scale(Protocol):
    """What makes a reward in [0, 1] of a cosine."""

    def reward(self, cosine: float) -> float:
        """Return what a cosine is worth."""
        ...


@frozen
class LogisticScale:
    """Reward 1 / (1 + exp(−(cosine − threshold) / slope)): the odds that two voices are one.

    Attributes:
        threshold: Cosine from which two voices count as one.
        slope: How far above it, in cosine, the odds that the voices are one grow e-fold.
    """

    threshold: float
    slope: float

    def reward(self, cosine: float) -> float:
        """Return 1 / (1 + e⁻ˣ), without overflow."""
        return 0.5 * (1 + math.tanh((cosine - self.threshold) / self.slope / 2))


@frozen
class LinearScale:
    """Reward 0 for another voice, 0.5 for the mean, 1 from the cap up, and linear between.

    >>> scale = LinearScale.through(other=0.5, mean=0.8, cap=0.9)
    >>> [scale.reward(cosine) for cosine in (0.4, 0.65, 0.8, 0.85, 0.9, 1.0)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]

    Attributes:
        other: Cosine of two voices.
        mean: Cosine of two recordings of one voice.
        cap: Cosine beyond which nothing is gained: playing the recording itself back has 1.
    """

    other: float
    mean: float
    cap: float

    @classmethod
    def through(cls, other: float, mean: float, cap: float) -> LinearScale:
        """Return the scale, with the points in their order, whatever was learnt."""
        return cls(min(other, cap - 2 * LEAST_STEP), _between(other, mean, cap), cap)

    def reward(self, cosine: float) -> float:
        """Return what a cosine is worth."""
        return round(float(np.interp(cosine, [self.other, self.mean, self.cap], [0, 0.5, 1])), 12)


def _between(other: float, mean: float, cap: float) -> float:
    return min(cap - LEAST_STEP, max(min(other, cap - 2 * LEAST_STEP) + LEAST_STEP, mean))


Embed = Callable[[AudioSample], "np.ndarray | None"]
"""From a recording to the embedding of its voice, of length 1; None where it cannot tell."""


def mean_of_one_voice(corpus: Iterable[AudioSample], embed: Embed) -> float | None:
    """Return the mean cosine of two recordings of one speaker.

    Args:
        corpus: Recordings; those without sound or speaker play no part. The result does not depend
            on their order.
        embed: Listens to one.

    Returns:
        None where fewer than `FEWEST_PAIRS` can be compared.
    """
    of_speaker: dict[str, list[AudioSample]] = {}
    for sample in sorted(corpus, key=lambda sample: sample.id):
        if sample.speaker and sample.audio is not None:
            of_speaker.setdefault(sample.speaker, []).append(sample)
    pairs = [pair for own in _sorted(of_speaker) for pair in zip(own[::2], own[1::2], strict=False)]
    order = keyed_random.shuffled(len(pairs), "similarity", 0)
    cosines = []
    for place in order[:MOST_PAIRS]:
        one, other = (embed(sample) for sample in pairs[place])
        if one is not None and other is not None:
            cosines.append(float(one @ other))
    return float(np.mean(cosines)) if len(cosines) >= FEWEST_PAIRS else None


def _sorted(of_speaker: Mapping[str, Sequence[AudioSample]]) -> list[Sequence[AudioSample]]:
    return [of_speaker[speaker] for speaker in sorted(of_speaker)]
