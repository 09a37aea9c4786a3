"""Where a checkpoint's files are: its folder, the hub's cache, or the model that it updates.

PEFT's `save_pretrained` writes a low-rank update (LoRA) alone, and the name of its base model. Such
a folder is read as that model with the update merged in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_files import read_object
from audioforge.files.paths import is_folder

LOW_RANK = "adapter_config.json"
"""What makes a folder one with a low-rank update."""

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

MAX_BYTES = 16 * 2**20

MERGE = (
    "Or merge it with PEFT: PeftModel.from_pretrained(model, folder).merge_and_unload(), and save "
    "that, with its tokenizer and feature extractor, in a folder."
)


@frozen
class CheckpointFolder:
    """Where a checkpoint's files are on this machine.

    Attributes:
        files: The folder of the model, its tokenizer and feature extractor.
        update: The folder of the low-rank update to merge into it; None where there is none.
    """

    files: Path
    update: Path | None = None


def locate(checkpoint: str, fetch: Callable[[str], Path]) -> CheckpointFolder:
    """Find a checkpoint.

    Args:
        checkpoint: A local folder or a hub id.
        fetch: Brings the files of a hub id into a local folder.

    Raises:
        CheckpointError: If it, or the base model of an update, cannot be had.
    """
    folder = _local(checkpoint, fetch)
    if not _is_update(folder):
        return CheckpointFolder(folder)
    name = read_object(folder / LOW_RANK, MAX_BYTES).get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise CheckpointError(
            f"{checkpoint}: a low-rank update (LoRA) whose {LOW_RANK} does not name the model that "
            f"it updates. Write it there as base_model_name_or_path: a folder or a hub id. {MERGE}"
        )
    try:
        base = _local(_beside(folder, name), fetch)
        if _is_update(base):
            raise CheckpointError(f"{base}: it is a low-rank update itself")
    except CheckpointError as error:
        raise CheckpointError(
            f"{checkpoint}: a low-rank update (LoRA) of the model {name}, which cannot be had: "
            f"{str(error).rstrip('.')}. Write where it is as base_model_name_or_path into "
            f"{LOW_RANK}. {MERGE}"
        ) from error
    return CheckpointFolder(base, folder)


def _local(checkpoint: str, fetch: Callable[[str], Path]) -> Path:
    folder = _expanded(checkpoint)
    return folder if is_folder(folder) else fetch(checkpoint)


def _is_update(folder: Path) -> bool:
    """Say whether a folder has an update and no model of its own."""
    has_model = any((folder / name).is_file() for name in (WEIGHTS, INDEX))
    return (folder / LOW_RANK).is_file() and not has_model


def _beside(folder: Path, name: str) -> str:
    """Return the base model's folder, if there is one as seen from the update's; else the name."""
    beside = folder / _expanded(name)
    return str(beside) if is_folder(beside) else name


def _expanded(name: str) -> Path:
    """Return a path with its home folder; a user that does not exist stays as it is written."""
    return Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser raises RuntimeError
