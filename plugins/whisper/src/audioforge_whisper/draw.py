"""One token per row by inverse transform: the token at which the summed probability passes u.

A uniform number of its own for every row and step, keyed by what it is for, makes the draw
independent of how rows are batched. Tokens are summed in the order of their ids, not of their
probabilities: rounding may swap two tokens of nearly equal probability, ids never.
"""

from __future__ import annotations

import torch

from audioforge.huggingface.draw import first_above

BLOCK = 256
"""Tokens per block of the two-level search: a vocabulary of 51,865 is 203 blocks."""


def draw(logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draw one token per row from softmax(logits).

    Probabilities are float32, their sums float64: a sum over 50,000 float32 terms would lose the
    small ones. The search is in two levels, so that only sums of blocks are summed in full.

    Args:
        logits: float32, shape (rows, vocabulary).
        uniforms: float64 in [0, 1), shape (rows,).

    Returns:
        Token ids, shape (rows,).
    """
    weights = (logits - logits.amax(dim=-1, keepdim=True)).exp_()
    padding = -weights.shape[-1] % BLOCK
    blocks = torch.nn.functional.pad(weights, (0, padding)).unflatten(-1, (-1, BLOCK))
    block_sums = blocks.sum(dim=-1, dtype=torch.float64)
    ends = block_sums.cumsum(dim=-1)
    goal = uniforms[:, None] * ends[:, -1:]
    block = first_above(ends, goal)
    start = ends.gather(-1, block) - block_sums.gather(-1, block)
    inside = blocks.gather(1, block[..., None].expand(-1, 1, BLOCK))[:, 0]
    within = inside.to(torch.float64).cumsum(dim=-1)
    return (block * BLOCK + first_above(within, goal - start))[:, 0]
