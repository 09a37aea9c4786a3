"""What a frozen encoder says of a clip, which need be computed only once, and the head above it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.standing_in import said_before
from audioforge_classification.head import encoder_of

READ_BY_HEADS = ("pooler_output", "last_hidden_state")
"""What heads read of an encoder's output: the first that it has."""


def is_frozen(model: Any) -> bool:
    """Whether the encoder says the same of a clip as long as the model is trained.

    Not of a model whose head mixes the outputs of all layers: those are many times as large.
    """
    trained = any(parameter.requires_grad for parameter in encoder_of(model).parameters())
    return not (trained or getattr(model.config, "use_weighted_layer_sum", False))


def encoded(model: Any, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what the head reads of the encoder's output for one clip, by name.

    Args:
        model: A classifier of Transformers.
        inputs: Keyword arguments of the network, for a batch of this clip.
    """
    said: list[Any] = []
    handle = encoder_of(model).register_forward_hook(lambda *call: said.append(call[-1]))
    try:
        with evaluating(model):
            model(**inputs)
    finally:
        handle.remove()
    there = ((name, getattr(said[0], name, None)) for name in READ_BY_HEADS)
    return dict([next((name, tensor) for name, tensor in there if tensor is not None)])


def head_logits(model: Any, row: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits that the head makes of what the encoder said, shape (1, labels).

    Args:
        model: A classifier of Transformers.
        row: What `encoded` returned, on the model's device.
    """
    output = BaseModelOutputWithPooling(**cast("Any", row))
    with said_before(model, encoder_of(model), output):
        return cast("torch.Tensor", model(None).logits)
