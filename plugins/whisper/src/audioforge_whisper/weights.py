"""A Whisper's weights, read out of its modules and laid out for decoding.

A decoding step is a hundred small products; Transformers' modules cost as much again around them.
Here the weights of a layer are functions and tensors: queries, keys and values are one product, the
scaling of queries is in their weights, low-rank updates are added, and under autocast every weight
is cast once, but for the token embedding: rounding that one changes nearly every text.

The encoder's products have a row for each of 1500 frames, beside which laying a weight out costs
nothing: its weights are the model's own wherever they are in the right precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import torch
from attrs import frozen
from torch.nn.functional import layer_norm
from transformers import WhisperForConditionalGeneration

from audioforge.huggingface.low_rank import merged_state
from audioforge_whisper.draw import BLOCK
from audioforge_whisper.linear import Linear, can_pack, make_linear

State = Mapping[str, torch.Tensor]
Norm = Linear
"""A layer norm: shapes stay."""


@frozen(eq=False)
class Attention:
    """Self-attention of the decoder.

    Attributes:
        norm: Comes first.
        queries_keys_values: One product, from width to three times width; queries are scaled.
        out: Comes last.
    """

    norm: Norm
    queries_keys_values: Linear
    out: Linear


@frozen(eq=False)
class AttentionToAll:
    """Self-attention of the encoder, whose products have a row for each frame.

    Attributes:
        norm: Comes first.
        queries: From width to width, as are the next two.
        keys: What queries are compared with.
        values: What is mixed.
        out: Comes last.
    """

    norm: Norm
    queries: Linear
    keys: Linear
    values: Linear
    out: Linear


@frozen(eq=False)
class CrossAttention:
    """Attention to the audio.

    Attributes:
        norm: Comes first.
        queries: Scaled.
        keys_values: Of the encoder's output, from width to twice width.
        out: Comes last.
    """

    norm: Norm
    queries: Linear
    keys_values: Linear
    out: Linear


@frozen(eq=False)
class Mlp:
    """The two products with a GELU between them.

    Attributes:
        norm: Comes first.
        up: From width to four times width.
        down: Back again.
    """

    norm: Norm
    up: Linear
    down: Linear


@frozen(eq=False)
class EncoderLayer:
    """One layer of the encoder."""

    attention: AttentionToAll
    mlp: Mlp


@frozen(eq=False)
class DecoderLayer:
    """One layer of the decoder."""

    attention: Attention
    audio: CrossAttention
    mlp: Mlp


@frozen(eq=False)
class EncoderWeights:
    """What the encoder needs.

    Attributes:
        convolutions: Weight and bias of the two, each of width 3; the second halves the frames.
        positions: float32, shape (frames, width).
        layers: In order.
        norm: Comes last.
        heads: Of every attention.
    """

    convolutions: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    positions: torch.Tensor
    layers: tuple[EncoderLayer, ...]
    norm: Norm
    heads: int


@frozen(eq=False)
class DecoderWeights:
    """What the decoder needs.

    Attributes:
        tokens: float32, shape (vocabulary, width).
        positions: float32, shape (positions, width).
        layers: In order.
        norm: Comes last.
        vocabulary: From width to logits, of which there are a multiple of `draw.BLOCK`: after the
            vocabulary come tokens of logit -∞.
        heads: Of every attention.
        dtype: What products are computed in; sums and norms are float32.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    layers: tuple[DecoderLayer, ...]
    norm: Norm
    vocabulary: Linear
    heads: int
    dtype: torch.dtype


def read_encoder(model: WhisperForConditionalGeneration, dtype: torch.dtype) -> EncoderWeights:
    """Read the encoder's weights as they are now: the model's own, or a copy in `dtype`.

    Args:
        model: A network of which `coverage.not_covered` says nothing.
        dtype: What products are computed in, float32 or bfloat16.
    """
    config = model.config
    read = _Reader.of(model, "encoder", dtype)
    return EncoderWeights(
        convolutions=tuple(read.pair(f"conv{i}") for i in (1, 2)),
        positions=read.tensor("embed_positions.weight").float(),
        layers=tuple(
            EncoderLayer(read.attention_to_all(f"layers.{i}."), read.mlp(f"layers.{i}."))
            for i in range(config.encoder_layers)
        ),
        norm=read.norm("layer_norm"),
        heads=read.heads,
    )


def read_decoder(model: WhisperForConditionalGeneration, dtype: torch.dtype) -> DecoderWeights:
    """Read the decoder's weights as they are now: a second copy in memory, in `dtype`.

    Args:
        model: A network of which `coverage.not_covered` says nothing.
        dtype: What products are computed in, float32 or bfloat16.
    """
    config = model.config
    read = _Reader.of(model, "decoder", dtype)
    return DecoderWeights(
        tokens=read.tensor("embed_tokens.weight").float(),
        positions=read.tensor("embed_positions.weight").float(),
        layers=tuple(
            DecoderLayer(
                read.attention(f"layers.{i}."), read.audio(f"layers.{i}."), read.mlp(f"layers.{i}.")
            )
            for i in range(config.decoder_layers)
        ),
        norm=read.norm("layer_norm"),
        vocabulary=read.vocabulary(),
        heads=read.heads,
        dtype=dtype,
    )


@frozen(eq=False)
class _Reader:
    """Reads the layers of one half of the network."""

    state: State
    prefix: str
    heads: int
    dtype: torch.dtype
    packed: bool

    @classmethod
    def of(
        cls,
        model: WhisperForConditionalGeneration,
        half: Literal["encoder", "decoder"],
        dtype: torch.dtype,
    ) -> _Reader:
        state = {name: weight.detach() for name, weight in merged_state(model).items()}
        heads: int = getattr(model.config, f"{half}_attention_heads")
        packed = half == "decoder" and can_pack(model.device, dtype)
        return cls(state, f"model.{half}.", heads, dtype, packed)

    def tensor(self, name: str) -> torch.Tensor:
        return self.state[self.prefix + name]

    def pair(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias; the keys' projection has none, which is as a bias of 0."""
        weight = self.tensor(f"{name}.weight")
        bias = self.state.get(f"{self.prefix}{name}.bias", weight.new_zeros(len(weight)))
        return weight.to(self.dtype), bias.to(self.dtype)

    def norm(self, name: str) -> Norm:
        weight, bias = (self.tensor(f"{name}.{part}").float() for part in ("weight", "bias"))
        return partial(layer_norm, normalized_shape=weight.shape, weight=weight, bias=bias)

    def linear(self, name: str) -> Linear:
        return self._make(*self.pair(name))

    def joint(self, *names: str) -> Linear:
        """Projections of one input as one product, those of queries scaled."""
        weights, biases = zip(*(self._scaled(name) for name in names), strict=True)
        return self._make(torch.cat(weights), torch.cat(biases))

    def attention_to_all(self, layer: str) -> AttentionToAll:
        projections = (self.linear(f"{layer}self_attn.{p}_proj") for p in ("q", "k", "v", "out"))
        return AttentionToAll(self.norm(f"{layer}self_attn_layer_norm"), *projections)

    def attention(self, layer: str) -> Attention:
        names = [f"{layer}self_attn.{part}_proj" for part in ("q", "k", "v", "out")]
        norm = self.norm(f"{layer}self_attn_layer_norm")
        return Attention(norm, self.joint(*names[:3]), self.linear(names[3]))

    def audio(self, layer: str) -> CrossAttention:
        query, key, value, out = (f"{layer}encoder_attn.{p}_proj" for p in ("q", "k", "v", "out"))
        return CrossAttention(
            self.norm(f"{layer}encoder_attn_layer_norm"),
            *(self.joint(*names) for names in ((query,), (key, value), (out,))),
        )

    def mlp(self, layer: str) -> Mlp:
        up, down = (self.linear(f"{layer}fc{i}") for i in (1, 2))
        return Mlp(self.norm(f"{layer}final_layer_norm"), up, down)

    def vocabulary(self) -> Linear:
        weight = self.state["proj_out.weight"]
        padding = -len(weight) % BLOCK
        padded = torch.nn.functional.pad(weight.to(self.dtype), (0, 0, 0, padding))
        bias = padded.new_zeros(len(padded))
        bias[len(weight) :] = -torch.inf
        return self._make(padded, bias)

    def _scaled(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        weight, bias = self.pair(name)
        if not name.endswith("q_proj"):
            return weight, bias
        scaling = (len(weight) // self.heads) ** -0.5
        return weight * scaling, bias * scaling

    def _make(self, weight: torch.Tensor, bias: torch.Tensor) -> Linear:
        return make_linear(weight, bias, self.packed)
