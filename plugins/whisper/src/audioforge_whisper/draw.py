"""The next token of each row, drawn by inverse transform or the most likely one.

A draw takes the token at which the summed probability passes u. A uniform number of its own for
every row and step, keyed by what it is for, makes it independent of how rows are batched. Tokens
are summed in the order of their ids, not of their probabilities: rounding may swap two tokens of
nearly equal probability, ids never.
"""

from __future__ import annotations

import torch

from audioforge.huggingface.draw import first_above

BLOCK = 256
"""Tokens per block of the two-level search: a vocabulary of 51,865 is 203 blocks."""


def draw(logits: torch.Tensor, uniforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one token per row from softmax(logits).

    Probabilities and the sums of blocks are float32, sums over blocks and the search within one
    float64: a running sum over 50,000 float32 terms would lose the small ones.

    Args:
        logits: float32, shape (rows, vocabulary); quickest if that is a multiple of `BLOCK`.
        uniforms: float64 in [0, 1), shape (rows,).

    Returns:
        Token ids, shape (rows,), and the logarithm of the sum of exponentials, float64, shape
        (rows,).
    """
    most = logits.amax(dim=-1, keepdim=True)
    blocks = _blocks((logits - most).exp_(), 0.0)
    block_sums = blocks.sum(dim=-1).double()
    ends = block_sums.cumsum(dim=-1)
    goal = uniforms[:, None] * ends[:, -1:]
    block = first_above(ends, goal)
    start = ends.gather(-1, block) - block_sums.gather(-1, block)
    within = _inside(blocks, block).double().cumsum(dim=-1)
    tokens = (block * BLOCK + first_above(within, goal - start)).squeeze(-1)
    return tokens, ends[:, -1].log() + most[:, 0]


def most_likely(logits: torch.Tensor) -> torch.Tensor:
    """Return the first of the most likely tokens of each row.

    It is `argmax`, which is several times slower than a maximum on processors.
    """
    blocks = _blocks(logits, -torch.inf)
    block = blocks.amax(dim=-1).argmax(dim=-1, keepdim=True)
    token: torch.Tensor = block[:, 0] * BLOCK + _inside(blocks, block).argmax(dim=-1)
    return token


def _blocks(values: torch.Tensor, filling: float) -> torch.Tensor:
    """Return values in blocks, shape (rows, blocks, `BLOCK`)."""
    padding = -values.shape[-1] % BLOCK
    padded = torch.nn.functional.pad(values, (0, padding), value=filling) if padding else values
    return padded.view(len(values), -1, BLOCK)


def _inside(blocks: torch.Tensor, block: torch.Tensor) -> torch.Tensor:
    """Return the values of one block a row, shape (rows, `BLOCK`)."""
    return blocks.gather(1, block[..., None].expand(-1, 1, BLOCK))[:, 0]
