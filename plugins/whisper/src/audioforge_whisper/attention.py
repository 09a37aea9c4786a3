"""Attention of few queries: those of one decoding step."""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention


def attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    seen: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the mixtures of values; queries are scaled already.

    Args:
        queries: Shape (batch, heads, queries, size).
        keys: Shape (batch, heads, positions, size), laid out by `lay_out`.
        values: Shape (batch, heads, positions, size).
        seen: Which positions each query may see, shape (queries, positions); all without it.
    """
    if seen is None and _by_products(queries):
        return (queries @ keys.transpose(-1, -2)).softmax(dim=-1) @ values
    return scaled_dot_product_attention(queries, keys, values, attn_mask=seen, scale=1.0)


def lay_out(keys: torch.Tensor) -> torch.Tensor:
    """Return keys, shape (batch, heads, positions, size), laid out as `attend` reads them best."""
    if _by_products(keys):
        return keys.transpose(-1, -2).contiguous().transpose(-1, -2)
    return keys.contiguous()


def _by_products(tensor: torch.Tensor) -> bool:
    """Two products and a softmax beat PyTorch's fused attention on processors.

    That is made for many queries. In bfloat16 it is taken all the same: it does not round between.
    """
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32
