"""One token per row by inverse transform: the token at which the summed probability passes u.

A uniform number of its own for every row and step, keyed by what it is for, makes the draw
independent of how rows are batched. Tokens are summed in the order of their ids, not of their
probabilities: rounding may swap two tokens of nearly equal probability, ids never.
"""

from __future__ import annotations

import torch

BLOCK = 256
"""Tokens per block of the two-level search: a vocabulary of 51,865 is 203 blocks."""


def truncate(logits: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Return logits with the tokens outside top-k and top-p at -inf.

    As in Transformers, top-p looks at what top-k has left. The most likely token always stays.

    Args:
        logits: Shape (rows, vocabulary), already divided by the temperature.
        top_k: Keep this many tokens; 0 keeps all.
        top_p: Keep the smallest set of most likely tokens whose probability reaches this
            (Holtzman et al. 2020); 1 keeps all.
    """
    count = min(top_k or logits.shape[-1], logits.shape[-1])
    if count == logits.shape[-1] and top_p >= 1:
        return logits
    values, tokens = logits.topk(count, dim=-1)
    if top_p < 1:
        probabilities = values.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities
        outside = before >= top_p
        outside[:, 0] = False
        values = values.masked_fill(outside, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, tokens, values)


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
    block = _first_above(ends, goal)
    start = ends.gather(-1, block) - block_sums.gather(-1, block)
    inside = blocks.gather(1, block[..., None].expand(-1, 1, BLOCK))[:, 0]
    within = inside.to(torch.float64).cumsum(dim=-1)
    return (block * BLOCK + _first_above(within, goal - start))[:, 0]


def _first_above(sums: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Return, per row, the first index whose sum exceeds the goal.

    Rounding may put the goal at the total; then it is the first index that reaches the total, so
    that never a token of probability 0 is drawn.
    """
    above = torch.searchsorted(sums, goal, right=True)
    last = torch.searchsorted(sums, sums[:, -1:].contiguous())
    return torch.minimum(above, last)
