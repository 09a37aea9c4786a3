"""Whether hypotheses of a model are those that they should be, up to rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from audioforge.sample import Hypothesis
from audioforge_kit.contract import expect

LOGPROB_TOLERANCE = 1e-3
"""In nats: a network computes a batch in another order than a clip."""

SOUND_TOLERANCE = 1e-4
"""How far two generated waveforms may differ, whose values lie in [-1, 1]."""


def expect_same_hypotheses(
    these: Sequence[Sequence[Hypothesis]], those: Sequence[Sequence[Hypothesis]], what: str
) -> None:
    """Check that the hypotheses of each clip are equal up to rounding."""
    for own, others in zip(these, those, strict=True):
        for this, that in zip(own, others, strict=True):
            expect(_same(this, that), f"{what} gives {_shown(this)} instead of {_shown(that)}")


def _same(this: Hypothesis, that: Hypothesis) -> bool:
    if isinstance(this.audio, np.ndarray) and isinstance(that.audio, np.ndarray):
        return this.audio.shape == that.audio.shape and np.allclose(
            this.audio, that.audio, atol=SOUND_TOLERANCE
        )
    if this.logprob is None or that.logprob is None:
        near = this.logprob is that.logprob
    else:
        near = math.isclose(this.logprob, that.logprob, abs_tol=LOGPROB_TOLERANCE)
    return near and (this.text, this.label) == (that.text, that.label)


def _shown(hypothesis: Hypothesis) -> str:
    what = "sound" if hypothesis.audio is not None else repr(hypothesis.content[:80])
    return f"{what} (logprob {hypothesis.logprob})"
