"""Labels drawn from a posterior, each by a number that is keyed by what it is for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audioforge.keyed_random import uniforms
from audioforge.model import SamplingParams


def draw_labels(
    logits: np.ndarray, sample_ids: Sequence[str], k: int, params: SamplingParams
) -> np.ndarray:
    """Draw k labels for each clip; at temperature 0 the most likely one.

    Args:
        logits: float64, shape (clips, labels).
        sample_ids: Id of each clip's sample.
        k: Labels per clip.
        params: The noise is keyed by (seed, cycle, sample id, hypothesis index).

    Returns:
        Indices of labels, shape (clips, k).

    Raises:
        ConfigError: If the parameters make no sense together.
    """
    params.check(k)
    if params.temperature == 0:
        best: np.ndarray = np.argmax(logits, axis=-1, keepdims=True)
        return best
    ends = _truncated(logits / params.temperature, params.top_k, params.top_p).cumsum(axis=-1)
    noise = np.array(
        [[uniforms(1, params.seed, params.cycle, i, j)[0] for j in range(k)] for i in sample_ids]
    )
    totals = ends[:, -1:]
    above = (ends[:, None, :] <= (noise * totals)[:, :, None]).sum(axis=-1)
    # Rounding may put the goal at the total: then it is the first label that reaches it, so that
    # never one of probability 0 is drawn.
    drawn: np.ndarray = np.minimum(above, (ends < totals).sum(axis=-1, keepdims=True))
    return drawn


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return natural log-probabilities over the last axis."""
    shifted: np.ndarray = logits - logits.max(axis=-1, keepdims=True)
    logprobs: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logprobs


def _truncated(logits: np.ndarray, top_k: int, top_p: float) -> np.ndarray:
    """Return probabilities, 0 outside top-k and top-p; they need not sum to 1.

    As in Transformers, top-p looks at what top-k has left. The most likely label always stays.
    """
    order = np.argsort(-logits, axis=-1, kind="stable")
    ranked = np.exp(log_softmax(np.take_along_axis(logits, order, axis=-1)))
    if top_k:
        ranked[:, top_k:] = 0
    shares = ranked / ranked.sum(axis=-1, keepdims=True)
    outside = shares.cumsum(axis=-1) - shares >= top_p
    outside[:, 0] = False
    ranked[outside] = 0
    probabilities: np.ndarray = np.zeros_like(ranked)
    # Back to the order of the labels: rounding may swap the ranks of two that are nearly equal.
    np.put_along_axis(probabilities, order, ranked, axis=-1)
    return probabilities
