"""Whether a network is as large as its weights, before memory is taken for it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from audioforge.errors import CheckpointError
from audioforge.huggingface.library import transformers

MOST_TIMES = 2
"""How many weights a network may have for each that is stored: tied ones are stored once."""

NEW_HEAD = 50_000_000
"""Weights that a new head may have: as many labels as anybody has, and then some."""


def check_size(location: str, folder: Path, model_class: Any, **settings: Any) -> None:
    """Refuse a configuration that describes a far larger network than the weights are of.

    Transformers takes the memory first, and then finds out.

    Args:
        location: What the user called the checkpoint, for messages.
        folder: Where its files lie; they have been checked.
        model_class: A class of Transformers.
        settings: Keys of the configuration, with values that replace the file's.

    Raises:
        CheckpointError: If a file of weights is cut or damaged, or the network is far larger.
    """
    stored = sum(_stored(location, path) for path in folder.glob("model*.safetensors"))
    known = {k: v for k, v in settings.items() if k != "ignore_mismatched_sizes"}
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, **known)
    build = getattr(model_class, "from_config", model_class)
    with torch.device("meta"):
        described = sum(weight.numel() for weight in build(config).parameters())
    drawn = NEW_HEAD if settings.get("ignore_mismatched_sizes") else 0
    if described > MOST_TIMES * stored + drawn:
        raise CheckpointError(
            f"{folder / 'config.json'}: it describes a network of {described:,} weights, and the "
            f"checkpoint has {stored:,}. Copy the config.json that belongs to them."
        )


def _stored(location: str, path: Path) -> int:
    """Count the weights in a file."""
    try:
        with safe_open(path, framework="pt") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"{location}: cannot read its weights: with {path.stat().st_size:,} bytes {path.name} "
            f"is cut off or damaged ({str(error).rstrip('.')}). Download or copy it again."
        ) from error
