"""The encoder: from log-mel spectrograms to what the decoder hears."""

from __future__ import annotations

import torch
from torch.nn.functional import conv1d, gelu, scaled_dot_product_attention

from audioforge_whisper.weights import AttentionToAll, EncoderWeights, Mlp


def encode(weights: EncoderWeights, features: torch.Tensor) -> torch.Tensor:
    """Encode clips.

    On a processor one after the other: what a layer works on then stays in its cache, and a clip's
    output does not depend on its batch.

    Args:
        weights: The encoder's.
        features: Log-mel spectrograms, float32, shape (clips, mels, 2 × frames).

    Returns:
        float32, shape (clips, frames, width).
    """
    parts = features.split(1 if features.device.type == "cpu" else len(features))
    return torch.cat([_encode(weights, part) for part in parts])


def _encode(weights: EncoderWeights, features: torch.Tensor) -> torch.Tensor:
    hidden = features
    for stride, (weight, bias) in enumerate(weights.convolutions, start=1):
        hidden = gelu(conv1d(hidden.to(weight.dtype), weight, bias, stride, padding=1))
    hidden = hidden.transpose(1, 2).contiguous() + weights.positions
    for layer in weights.layers:
        hidden = hidden + _attend(layer.attention, hidden, weights.heads)
        hidden = hidden + feed_forward(layer.mlp, hidden)
    return weights.norm(hidden)


def _attend(attention: AttentionToAll, hidden: torch.Tensor, heads: int) -> torch.Tensor:
    normed = attention.norm(hidden)
    queries, keys, values = (
        project(normed).unflatten(-1, (heads, -1)).transpose(1, 2)
        for project in (attention.queries, attention.keys, attention.values)
    )
    mixed = scaled_dot_product_attention(queries, keys, values)
    return attention.out(mixed.transpose(1, 2).flatten(2))


def feed_forward(mlp: Mlp, hidden: torch.Tensor) -> torch.Tensor:
    """Return what the two products add to the residual stream."""
    return mlp.down(gelu(mlp.up(mlp.norm(hidden))))
