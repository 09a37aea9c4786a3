"""Drawing tokens from logits, the same in every family: truncation, and the inverse transform."""

from __future__ import annotations

import torch


def truncate(logits: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Return logits with the tokens outside top-k and top-p at -inf, row by row.

    As in Transformers, top-p looks at what top-k has left. The most likely token always stays.

    Args:
        logits: Shape (…, tokens), already divided by the temperature.
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
        outside = probabilities.cumsum(dim=-1) - probabilities >= top_p
        outside[..., 0] = False
        values = values.masked_fill(outside, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, tokens, values)


def first_above(sums: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
    """Return the first index at which a row's cumulative sum exceeds each of its goals.

    Rounding may put a goal at the total; then it is the first index that reaches the total, so that
    never a token of probability 0 is drawn.

    Args:
        sums: Cumulative sums, shape (…, tokens).
        goals: Shape (…, goals).
    """
    above = torch.searchsorted(sums, goals, right=True)
    last = torch.searchsorted(sums, sums[..., -1:].contiguous())
    return torch.minimum(above, last)
