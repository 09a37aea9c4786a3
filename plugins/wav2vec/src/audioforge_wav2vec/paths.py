"""Hypotheses from frame posteriors: a path is one token per frame, collapsed to a text.

CTC (Graves et al. 2006) takes the frames as independent given the audio, so that a path is drawn
by drawing every frame on its own; all k paths of all clips of a batch are drawn at once from one
pass of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import torch

from audioforge import keyed_random
from audioforge.huggingface.draw import first_above, truncate
from audioforge.model import SamplingParams


def best_paths(logits: torch.Tensor) -> torch.Tensor:
    """Return the most likely token of every frame.

    Args:
        logits: Logits of every frame, shape (clips, frames, tokens).

    Returns:
        Shape (clips, 1, frames).
    """
    return logits.argmax(dim=-1)[:, None]


def draw_paths(
    logits: torch.Tensor,
    frames: Sequence[int],
    sample_ids: Sequence[str],
    k: int,
    params: SamplingParams,
    never: Sequence[int],
) -> torch.Tensor:
    """Draw k paths for each clip, every frame from softmax(logits / temperature).

    A frame's token is the first at which the summed probability passes a uniform number; that
    number is keyed by (seed, cycle, sample id, hypothesis index, frame), so neither the batch nor
    its padding changes the noise.

    Args:
        logits: Logits of every frame, shape (clips, frames, tokens).
        frames: Number of frames of each clip; what is drawn after them is of no meaning.
        sample_ids: Id of each clip's sample.
        k: Paths per clip.
        params: Temperature above 0; top-k and top-p narrow each frame's distribution.
        never: Tokens that are never drawn.

    Returns:
        Tokens, shape (clips, k, frames).
    """
    allowed = logits.float().clone()
    allowed[..., list(never)] = -torch.inf
    narrowed = truncate(allowed / params.temperature, params.top_k, params.top_p)
    sums = narrowed.softmax(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    noise = torch.from_numpy(_uniforms(frames, logits.shape[1], sample_ids, k, params))
    goals = noise.to(sums.device) * sums[..., -1:]
    return first_above(sums, goals).transpose(1, 2)


def _uniforms(
    frames: Sequence[int],
    longest: int,
    sample_ids: Sequence[str],
    k: int,
    params: SamplingParams,
) -> np.ndarray:
    """Return keyed numbers in [0, 1), shape (clips, longest, k)."""
    noise = np.zeros((len(sample_ids), longest, k))
    for clip, (name, count) in enumerate(zip(sample_ids, frames, strict=True)):
        for j in range(k):
            key = ("path", params.seed, params.cycle, name, j)
            noise[clip, :count, j] = keyed_random.uniforms(count, *key)
    return noise


def collapse(paths: torch.Tensor, frames: Sequence[int], blank: int) -> list[list[tuple[int, ...]]]:
    """Return the tokens of each path: repetitions count once, blanks not at all.

    Args:
        paths: Shape (clips, k, frames).
        frames: Number of frames of each clip; the rest is padding.
        blank: Id of the blank token.
    """
    counts = torch.tensor(frames, device=paths.device)
    inside = torch.arange(paths.shape[-1], device=paths.device) < counts[:, None]
    said = (paths != blank) & inside[:, None]
    said[..., 1:] &= paths[..., 1:] != paths[..., :-1]
    lengths = said.sum(dim=-1).flatten().tolist()
    tokens = paths[said].tolist()
    ends = list(accumulate(lengths, initial=0))
    rows = [tuple(tokens[start:end]) for start, end in pairwise(ends)]
    k = paths.shape[1]
    return [rows[clip * k : (clip + 1) * k] for clip in range(len(frames))]
