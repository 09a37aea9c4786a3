"""Which of a clip's hypotheses comes first: the reward, then what the model itself finds likelier.

One that a length limit cut is none of them: it is a loop, or nobody knows how it would have ended.

A reward knows few values, so that several hypotheses of a clip often earn the same. The first of
these would be a draw by chance, which teaches the model its own noise. The likelier one is what it
would rather say, and the least that it has to change.

Log-probabilities are compared as they are sampled, summed over tokens. Their mean is no measure of
a hypothesis: it rises with every token that is all but certain, which is what a loop consists of,
so that of two equal rewards the longer output would win.
"""

from __future__ import annotations

import math

from audioforge.inference.hypothesis_audio import audio_seconds
from audioforge.sample import Hypothesis, Rollout


def by_preference(rollout: Rollout) -> list[tuple[float, Hypothesis]]:
    """Return the whole hypotheses that have a reward, each with it: the preferred one first.

    Of equal rewards the likelier comes first, then the shorter, then the one that was drawn first.
    """
    rewarded = [
        (h.reward, h.hypothesis)
        for h in rollout.hypotheses
        if h.reward is not None and not h.hypothesis.cut
    ]
    return sorted(rewarded, key=lambda pair: (-pair[0], -_likelihood(pair[1]), _length(pair[1])))


def _likelihood(hypothesis: Hypothesis) -> float:
    """Return the log-probability; one that the model does not state ranks below all others."""
    stated = hypothesis.logprob
    return -math.inf if stated is None or math.isnan(stated) else stated


def _length(hypothesis: Hypothesis) -> float:
    """Return the length in characters, or in seconds of sound; a rollout has only one of them."""
    if hypothesis.audio is not None:
        return audio_seconds(hypothesis)
    return len(hypothesis.content)
