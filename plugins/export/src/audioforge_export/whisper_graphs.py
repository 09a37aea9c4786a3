"""Whisper as two networks that ONNX can hold: an encoder, and a decoder with its cache as tensors.

Transformers keeps the cache in objects of its own, which a graph has no inputs for. So the decoder
is written out here, from the weights of the checkpoint; a test holds it to Transformers' own.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch.nn.functional import scaled_dot_product_attention

Tensors = tuple[torch.Tensor, ...]


class Encoder(torch.nn.Module):
    """From log-mel spectrograms to the keys and values that every layer of the decoder reads.

    Args:
        model: A `WhisperForConditionalGeneration`.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.model.encoder
        self.attentions = torch.nn.ModuleList(
            layer.encoder_attn for layer in model.model.decoder.layers
        )

    def forward(self, input_features: torch.Tensor) -> Tensors:
        """Return key and value of each layer, shape (clips, heads, frames, width of a head).

        Args:
            input_features: float32, shape (clips, mels, frames of the window).
        """
        hidden = self.encoder(input_features).last_hidden_state
        return tuple(
            _heads(projection(hidden), attention)
            for attention in cast("Any", self.attentions)
            for projection in (attention.k_proj, attention.v_proj)
        )


class Decoder(torch.nn.Module):
    """From tokens, and what was read before, to the logits of the next one.

    Args:
        model: A `WhisperForConditionalGeneration`.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder = model.model.decoder
        self.proj_out = model.proj_out

    def forward(
        self, input_ids: torch.Tensor, past: list[torch.Tensor], heard: list[torch.Tensor]
    ) -> Tensors:
        """Return the logits after the last token, and the cache with these tokens.

        Args:
            input_ids: int64, shape (clips, tokens).
            past: Key and value of each layer, of the tokens before, shape (clips, heads, tokens
                before, width of a head); no tokens at first.
            heard: What the encoder made of the clips.
        """
        decoder, seen, new = self.decoder, past[0].shape[2], input_ids.shape[1]
        positions = torch.arange(seen, seen + new, device=input_ids.device)
        hidden = decoder.embed_tokens(input_ids) + decoder.embed_positions.weight[positions]
        before = torch.arange(seen + new, device=input_ids.device) <= positions[:, None]
        cache: list[torch.Tensor] = []
        for number, layer in enumerate(decoder.layers):
            own, other, at = layer.self_attn, layer.encoder_attn, 2 * number
            normed = layer.self_attn_layer_norm(hidden)
            keys = torch.cat([past[at], _heads(own.k_proj(normed), own)], dim=2)
            values = torch.cat([past[at + 1], _heads(own.v_proj(normed), own)], dim=2)
            hidden = hidden + _attend(own, normed, keys, values, before)
            normed = layer.encoder_attn_layer_norm(hidden)
            hidden = hidden + _attend(other, normed, heard[at], heard[at + 1])
            normed = layer.final_layer_norm(hidden)
            hidden = hidden + layer.fc2(layer.activation_fn(layer.fc1(normed)))
            cache += [keys, values]
        last = decoder.layer_norm(hidden[:, -1])
        return (self.proj_out(last), *cache)


def _heads(states: torch.Tensor, attention: Any) -> torch.Tensor:
    """Part the last dimension into heads: shape (clips, heads, length, width of a head)."""
    parted: torch.Tensor = states.unflatten(-1, (attention.num_heads, attention.head_dim))
    return parted.transpose(1, 2)


def _attend(
    attention: Any,
    hidden: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    queries = _heads(attention.q_proj(hidden), attention)
    said = scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    return cast("torch.Tensor", attention.out_proj(said.transpose(1, 2).flatten(2)))
