"""A low-rank update (LoRA) that PEFT saved, merged into its base model by PEFT.

PEFT's own loading would also import modules and run patterns that a stranger's file names. So only
numbers are taken from `adapter_config.json`; which layers are updated, the weights' names say.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_files import check_whole, read_object
from audioforge.files.checkpoint_folder import LOW_RANK, MAX_BYTES, MERGE
from audioforge.huggingface.schema import (
    FLAG,
    TEXT,
    Table,
    list_of,
    map_of,
    number,
    one_of,
    optional,
    problems,
    refuse,
    whole,
)
from audioforge.inference.finite_numbers import broken_weights, refuse_broken

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
"""Stands before the names of the base model's layers in PEFT's files."""

FIRST_FACTOR = re.compile(re.escape(PREFIX) + r"(.+)\.lora_(?:A\.weight|embedding_A)")
PLAIN_NAME = re.compile(r"[\w.]+")

RANK, SCALE = whole(1, 65_536), number(1e-6, 1e6)
TAKEN: Table = {
    "peft_type": one_of("LORA"),
    "r": RANK,
    "lora_alpha": SCALE,
    **dict.fromkeys(("use_rslora", "use_dora", "fan_in_fan_out"), FLAG),
    "modules_to_save": optional(list_of(TEXT)),
    "rank_pattern": optional(map_of(RANK)),
    "alpha_pattern": optional(map_of(SCALE)),
    "bias": one_of("none"),
    "init_lora_weights": one_of(True, False, "gaussian"),
    "revision": optional(one_of("main")),
}
"""What is read of `adapter_config.json`, and what would change the base model otherwise."""

OF_TRAINING = frozenset(
    (
        *("auto_mapping", "base_model_name_or_path", "inference_mode", "lora_dropout"),
        *("megatron_core", "peft_version", "qalora_group_size", "task_type"),
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
    )
)
"""Keys that say how the update was trained, or which layers it has; of no use here."""


def merge_update(model: Any, folder: Path) -> Any:
    """Return a model with a low-rank update added to its weights.

    Args:
        model: The base model, from Transformers; changed in place.
        folder: What PEFT's `save_pretrained` wrote.

    Raises:
        CheckpointError: If the update is damaged, pickled, of another model, or of a kind that only
            PEFT itself can merge.
    """
    settings = _read_settings(folder / LOW_RANK)
    weights = _read_weights(folder)
    ranks = {m[1]: len(weights[name]) for name in weights if (m := FIRST_FACTOR.fullmatch(name))}
    layers = dict(model.named_modules())
    foreign = [name for name in ranks if name not in layers]
    if foreign or not ranks:
        what = (
            f"of the layer {foreign[0]}, which the base model lacks" if foreign else "of no layer"
        )
        raise CheckpointError(
            f"{folder / WEIGHTS}: it is an update {what}. Is base_model_name_or_path in {LOW_RANK} "
            f"the model that it was trained on?"
        )
    other = {rank for rank in ranks.values() if rank != settings.get("r", 8)}
    if other and not settings.get("rank_pattern"):
        raise CheckpointError(
            f"{folder}: {LOW_RANK} says r {settings.get('r', 8)}, and {WEIGHTS} has rank "
            f"{min(other)}: they are of two updates. Copy both again."
        )
    try:
        return _merged(model, settings, weights, ranks)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[-1].strip().rstrip(".")
        raise CheckpointError(
            f"{folder}: the low-rank update does not fit its base model: {reason}. {MERGE}"
        ) from error


def _merged(
    model: Any,
    settings: Mapping[str, Any],
    weights: dict[str, torch.Tensor],
    ranks: Mapping[str, int],
) -> Any:
    taken = ("lora_alpha", "use_rslora", "use_dora", "fan_in_fan_out", "modules_to_save")
    config = LoraConfig(
        target_modules=list(ranks),
        rank_pattern={re.escape(name): rank for name, rank in ranks.items()},
        alpha_pattern=settings.get("alpha_pattern") or {},
        **{key: settings[key] for key in taken if key in settings},
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between PEFT and Transformers
        updated = get_peft_model(model, config)  # draws what the file then replaces
    report: Any = set_peft_model_state_dict(updated, weights)
    lost = [name for name in report.missing_keys if ".lora_" in name or "modules_to_save." in name]
    if lost or report.unexpected_keys:
        raise ValueError(f"{[*report.unexpected_keys, *lost][0]} has no place, or no weights")
    return updated.merge_and_unload()


def _read_settings(path: Path) -> dict[str, Any]:
    settings = read_object(path, MAX_BYTES)
    found = problems(settings, TAKEN)
    found += [
        f"{key}: {value!s:.60} is more than AudioForge merges"
        for key, value in settings.items()
        if value and key not in TAKEN and key not in OF_TRAINING
    ]
    found += [
        f"alpha_pattern: {name!r:.60} is not the plain name of a layer"
        for name in settings.get("alpha_pattern") or ()
        if not PLAIN_NAME.fullmatch(name)
    ]
    try:
        refuse(path, found)
    except CheckpointError as error:
        raise CheckpointError(f"{error} {MERGE}") from None
    return settings


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / WEIGHTS
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: its low-rank update has no {WEIGHTS}; pickled ones (adapter_model.bin) are "
            f"not read. Save it again with PEFT, which writes safetensors. {MERGE}"
        )
    check_whole(path)
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: with {path.stat().st_size:,} bytes the file is cut off or damaged "
            f"({str(error).rstrip('.')}). Download or copy it again."
        ) from error
    refuse_broken(str(path), broken_weights(weights.items()))
    return weights
