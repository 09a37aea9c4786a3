"""Weights on the line between the base and a tuned model.

WiSE-FT (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"): averaging the weights of a
model before and after fine-tuning keeps much of the gain and loses little of what it knew.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from audioforge.errors import CheckpointError
from audioforge.model import ModelAdapter


def interpolated(
    load: Callable[[str], ModelAdapter], base: str, tuned: str, alpha: float
) -> ModelAdapter:
    """Return a model with weights (1 − alpha)·base + alpha·tuned.

    Args:
        load: Loads a checkpoint.
        base: The checkpoint at alpha 0.
        tuned: The checkpoint at alpha 1.
        alpha: How far to go, from 0 (the base) to 1 (the checkpoint).

    Raises:
        CheckpointError: If the two do not have the same weights.
    """
    adapter = load(tuned)
    other = load(base)
    # Parameters and buffers, each once: tied weights must not be moved twice.
    weights = dict(adapter.module.named_parameters()) | dict(adapter.module.named_buffers())
    anchors = dict(other.module.named_parameters()) | dict(other.module.named_buffers())
    if {n: w.shape for n, w in weights.items()} != {n: w.shape for n, w in anchors.items()}:
        raise CheckpointError(f"{base} and {tuned} do not have the same weights")
    with torch.no_grad():
        for name, weight in weights.items():
            if weight.is_floating_point():
                weight.copy_(torch.lerp(anchors[name].to(weight), weight, alpha))
    return adapter
