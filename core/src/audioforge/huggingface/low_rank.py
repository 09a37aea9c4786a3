"""Low-rank updates of the attention (LoRA, Hu et al. 2021) through PEFT.

PEFT takes long to import, and so is imported only where there are updates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

TARGETS = ("q_proj", "v_proj")
"""The projections that get an update: queries and values, as in the paper, of every attention."""

INIT_SEED = 0
"""Seeds the updates' first weights, so that every process of a run starts from the same ones."""


def add_low_rank_updates(
    model: torch.nn.Module, rank: int, alpha: float, targets: Sequence[str] = TARGETS
) -> None:
    """Add trainable updates to a model, in place, and freeze everything else.

    The update starts as zero, so the model says what it said.

    Args:
        model: The network.
        rank: Rank of each update.
        alpha: An update is scaled by `alpha / rank`.
        targets: Names of the linear layers that get an update.
    """
    from peft import LoraConfig, inject_adapter_in_model

    from audioforge.huggingface.low_rank_layer import LowRankLinear

    scale: Any = alpha  # declared as a whole number, used as any
    config = LoraConfig(r=rank, lora_alpha=scale, target_modules=list(targets), lora_dropout=0.0)
    config._register_custom_module({torch.nn.Linear: LowRankLinear})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(INIT_SEED)
        inject_adapter_in_model(config, model)


def merged_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the model's weights with the updates added, named as if there were none.

    The model itself is left alone.
    """
    weights: dict[str, Any] = model.state_dict()
    if not any(".lora_" in name for name in weights):
        return weights
    from peft.tuners.lora import LoraLayer

    state = {
        name.replace(".base_layer.", "."): weight
        for name, weight in weights.items()
        if ".lora_" not in name
    }
    for name, layer in model.named_modules():
        if isinstance(layer, LoraLayer):
            for adapter in layer.active_adapters:
                update = cast("Any", layer).get_delta_weight(adapter)
                state[f"{name}.weight"] = state[f"{name}.weight"] + update
    return state
