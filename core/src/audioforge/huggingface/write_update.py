"""A low-rank update (LoRA) by itself, in PEFT's layout, beside the weights that it is merged into.

It lies in a folder of its own: beside a model's own weights Transformers would add it a second
time. What else was trained (a classifier's head) is PEFT's `modules_to_save`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from audioforge.errors import ConfigError
from audioforge.files import atomic
from audioforge.files.checkpoint_files import read_object
from audioforge.files.checkpoint_folder import LOW_RANK, MAX_BYTES
from audioforge.files.paths import is_folder

UPDATE = "adapter"
"""Name of the folder in a checkpoint's."""

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."


def check_update(model: torch.nn.Module) -> None:
    """Check that PEFT's layout can hold what a model trains.

    Args:
        model: The network, made trainable.

    Raises:
        ConfigError: If it cannot.
    """
    if not any(".lora_A." in name for name, _ in model.named_parameters()):
        raise ConfigError(["export_adapter: this model has no low-rank update of PEFT's"])
    if "" in _trained_modules(model):
        raise ConfigError(["export_adapter: PEFT's layout cannot hold all that this model trains"])


def write_update(model: torch.nn.Module, base: str, folder: Path) -> None:
    """Write the update that a model trains.

    Args:
        model: The network, made trainable, with PEFT's layers in it.
        base: The model that is updated: a hub id or a local folder, which is named in full.
        folder: Made.
    """
    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer

    layers: dict[str, Any] = {n: m for n, m in model.named_modules() if isinstance(m, LoraLayer)}
    one = next(iter(layers.values()))
    (adapter,) = one.active_adapters
    others = _trained_modules(model)
    config = LoraConfig(
        base_model_name_or_path=_named_in_full(base),
        inference_mode=True,
        r=one.r[adapter],
        lora_alpha=one.lora_alpha[adapter],
        lora_dropout=0.0,
        target_modules=list(layers),
        modules_to_save=others or None,
    )
    weights = {
        f"{PREFIX}{name}.{part}.weight": getattr(layer, part)[adapter].weight
        for name, layer in layers.items()
        for part in ("lora_A", "lora_B")
    }
    for name in others:
        state = model.get_submodule(name).state_dict()
        weights |= {f"{PREFIX}{name}.{key}": weight for key, weight in state.items()}
    config.save_pretrained(str(folder))
    settings = read_object(folder / LOW_RANK, MAX_BYTES)  # its sets have no order
    atomic.write_json(folder / LOW_RANK, {**settings, "target_modules": list(layers)})
    _save(weights, folder)


def scale_update(source: Path, folder: Path, alpha: float, merged: torch.nn.Module) -> None:
    """Write the update of a model on the line between the base and one that has an update.

    Args:
        source: What `write_update` wrote.
        folder: Made.
        alpha: How far to go, from 0 (the base) to 1 (the whole update).
        merged: The network there, of which the other trained weights are taken.
    """
    state = merged.state_dict()
    weights = {
        name: weight if ".lora_" in name else state[name.removeprefix(PREFIX)]
        for name, weight in load_file(source / WEIGHTS).items()
    }
    settings = read_object(source / LOW_RANK, MAX_BYTES)
    settings["lora_alpha"] *= alpha
    folder.mkdir()
    atomic.write_json(folder / LOW_RANK, settings)
    _save(weights, folder)


def _save(weights: dict[str, torch.Tensor], folder: Path) -> None:
    plain = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    save_file(plain, folder / WEIGHTS, {"format": "pt"})
    (folder / WEIGHTS).chmod((folder / LOW_RANK).stat().st_mode)


def _trained_modules(model: torch.nn.Module) -> list[str]:
    """Return the modules that are trained as they are, beside the update."""
    return sorted(
        {
            name.rpartition(".")[0]
            for name, weight in model.named_parameters()
            if weight.requires_grad and ".lora_" not in name
        }
    )


def _named_in_full(base: str) -> str:
    path = Path(os.path.expanduser(base))  # noqa: PTH111 - Path.expanduser may raise
    return str(path.resolve()) if is_folder(path) else base
