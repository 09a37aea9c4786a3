"""Cross-attention of k hypotheses on one copy of their clip's keys and values.

The k hypotheses of a clip attend to the same audio. Repeating its keys and values k times, as
`generate(num_return_sequences=k)` does, costs memory, and time too: in a decoding step with one
query a row, reading them is most of the work. Here the k rows are the k queries of one attention.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "audioforge_shared_keys"
"""The name under which Transformers finds this attention."""


def shared_keys_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as Transformers' `sdpa` does, with k query rows for each row of keys.

    Args:
        module: The attention layer.
        query: Shape (rows × k, heads, 1, width), or any length where k is 1.
        key: Shape (rows, heads, frames, width).
        value: Shape (rows, heads, frames, width).
        attention_mask: As for `sdpa`; none where k is over 1.
        options: Passed on.

    Returns:
        The mixture of values, shape (rows × k, 1, heads, width), and no attention weights.
    """
    rows, heads, _, width = key.shape
    if query.shape[0] == rows:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    queries = query.view(rows, -1, heads, width).transpose(1, 2)
    mixed, _ = sdpa_attention_forward(module, queries, key, value, None, **options)
    return mixed.view(-1, 1, heads, width), None


AttentionInterface.register(ATTENTION, shared_keys_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
