"""Batches in which padding changes nothing: what the network says of a clip is the clip's alone.

With an attention mask Transformers' encoders look past padding, but two parts before them do not.
Group norm in the first convolution (the base models) takes mean and variance over the padding too,
so that Transformers' own answer depends on the clips beside; and Data2Vec's position embeddings, a
stack of convolutions, carry what they make of padding back into the clip. Here both see each clip's
own frames only, as if it stood in a batch by itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import group_norm, pad


def ignore_padding(model: Any) -> Lengths:
    """Make what a network says of a clip the same whatever the clips beside it.

    Args:
        model: A CTC model of Transformers; changed in place, its weights and their names stay.

    Returns:
        What tells the network how long clips are.
    """
    base, lengths = model.base_model, Lengths(model.config)
    base.register_forward_pre_hook(lengths.measure, with_kwargs=True)
    first = base.feature_extractor.conv_layers[0]
    if isinstance(first.layer_norm, torch.nn.GroupNorm):
        first.layer_norm = _GroupNorm(first.layer_norm, lengths)
    if model.config.model_type == "data2vec-audio":
        for layer in base.encoder.pos_conv_embed.layers:
            layer.register_forward_hook(lengths.silence)
    return lengths


class Lengths:
    """How long the clips of the present batch are.

    Args:
        config: Configuration of the network.
    """

    def __init__(self, config: Any) -> None:
        self._config = config
        self._samples: list[int] = []

    def measure(self, base: torch.nn.Module, inputs: Any, named: dict[str, Any]) -> None:
        """Read the lengths off the attention mask; without one no clip is padded."""
        waveforms, mask = inputs[0] if inputs else named["input_values"], named["attention_mask"]
        full = [waveforms.shape[1]] * len(waveforms)
        self._samples = full if mask is None else mask.sum(dim=1).tolist()

    def of_one(self, samples: int) -> None:
        """Expect a clip alone, so many samples long, in the convolutions without the rest."""
        self._samples = [samples]

    def frames(self, layers: int) -> list[int]:
        """Return how many frames of each clip come out of the first convolutions."""
        counts = self._samples
        kernels, strides = self._config.conv_kernel[:layers], self._config.conv_stride[:layers]
        for kernel, stride in zip(kernels, strides, strict=True):
            counts = [(count - kernel) // stride + 1 for count in counts]
        return counts

    def silence(self, layer: torch.nn.Module, inputs: Any, hidden: torch.Tensor) -> torch.Tensor:
        """Set what a layer says of padding to 0, shape (clips, width, frames)."""
        counts = torch.tensor(self.frames(len(self._config.conv_kernel)), device=hidden.device)
        inside = torch.arange(hidden.shape[-1], device=hidden.device) < counts[:, None]
        return hidden * inside[:, None]


class _GroupNorm(torch.nn.Module):
    """Group norm over each clip's own frames; padding becomes 0."""

    def __init__(self, plain: torch.nn.GroupNorm, lengths: Lengths) -> None:
        super().__init__()
        self.weight, self.bias = plain.weight, plain.bias
        self._groups, self._epsilon, self._lengths = plain.num_groups, plain.eps, lengths

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normalise, shape (clips, channels, frames)."""
        longest = hidden.shape[-1]
        clips = [
            group_norm(clip[None, :, :count], self._groups, self.weight, self.bias, self._epsilon)
            for clip, count in zip(hidden, self._lengths.frames(1), strict=True)
        ]
        return torch.cat([pad(clip, (0, longest - clip.shape[-1])) for clip in clips])
