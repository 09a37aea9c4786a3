"""The two parts of a classifier: the encoder, and the head that stands on it."""

from __future__ import annotations

from typing import Any

import torch


def encoder_of(model: Any) -> Any:
    """Return the encoder; Whisper's classifier is the one that does not name it by its family."""
    return model.encoder if model.config.model_type == "whisper" else model.base_model


def head_of(model: Any) -> dict[str, torch.nn.Parameter]:
    """Return the weights that are not the encoder's: projector, classifier, mixture of layers."""
    inside = {id(parameter) for parameter in encoder_of(model).parameters()}
    return {name: p for name, p in model.named_parameters() if id(p) not in inside}


def draw_head(model: Any, seed: int) -> None:
    """Draw the first weights of a head as torch does, the same on every process.

    Linear layers are drawn uniformly (He et al. 2015), norms start as the identity, and the layers
    of the encoder are mixed in equal parts. Torch's global generator is left as it was.
    """
    encoder = encoder_of(model)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for child in model.children():
            if child is encoder:
                continue
            for layer in child.modules():
                if hasattr(layer, "reset_parameters"):
                    layer.reset_parameters()
        if hasattr(model, "layer_weights"):
            model.layer_weights.fill_(1 / len(model.layer_weights))
