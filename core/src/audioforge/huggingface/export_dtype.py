"""The precision in which a run exports its model: rounded before it is measured, and so written."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from audioforge.errors import ConfigError, TrainingError
from audioforge.files.checkpoint_folder import locate
from audioforge.hub.snapshot import fetch_checkpoint

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""By what safetensors calls them."""

NO_FRACTIONS = ("I", "U", "B")
"""How the names of types begin that hold no fractions; BF16 is told apart."""


def settled_dtype(asked: str, checkpoint: str) -> str:
    """Return the type of number to export: that of the base's files where it is to be theirs.

    Args:
        asked: "base", or a name in `DTYPES`.
        checkpoint: The base model: a local folder or a hub id.

    Raises:
        ConfigError: If the base's weights are of a type that nothing is exported in.
        CheckpointError: If it cannot be had.
    """
    if asked != "base":
        return asked
    counts: Counter[str] = Counter()
    for path in sorted(locate(checkpoint, fetch_checkpoint).files.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - it is no mapping
                    part = file.get_slice(name)
                    counts[part.get_dtype()] += torch.Size(part.get_shape()).numel()
        except (OSError, SafetensorError):
            continue  # the reading of the model says what is wrong with it
    fractions = {t: n for t, n in counts.items() if t in NAMES or not t.startswith(NO_FRACTIONS)}
    most = max(fractions, key=fractions.__getitem__, default="F32")
    if most not in NAMES:
        raise ConfigError(
            [f"export_dtype: base is {most} in {checkpoint}; choose one of {', '.join(DTYPES)}"]
        )
    return NAMES[most]


def round_weights(module: torch.nn.Module, dtype: str) -> bool:
    """Round the weights and buffers of a network to a type, in place; they stay what they are.

    Returns:
        Whether that changed any.

    Raises:
        TrainingError: If one is too large for the type.
    """
    changed = False
    with torch.no_grad():
        for name, weight in [*module.named_parameters(), *module.named_buffers()]:
            if not weight.is_floating_point():
                continue
            rounded = weight.to(DTYPES[dtype]).to(weight.dtype)
            if torch.equal(rounded, weight):
                continue
            if not torch.isfinite(rounded).all():
                raise TrainingError(
                    f"--export-dtype {dtype}: {name} holds weights beyond its range. What was "
                    f"trained is in the run folder's checkpoints; choose float32 or bfloat16."
                )
            weight.copy_(rounded)
            changed = True
    return changed


def cast_files(folder: Path, dtype: str) -> None:
    """Write the weights of a checkpoint anew in another type, and say so in its `config.json`.

    Args:
        folder: A checkpoint in float32; its subfolders are left alone.
        dtype: A name in `DTYPES`.
    """
    if dtype == "float32":
        return
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        mode = path.stat().st_mode
        weights = {
            name: weight.to(DTYPES[dtype]) if weight.is_floating_point() else weight
            for name, weight in load_file(path).items()
        }
        save_file(weights, path, metadata)
        path.chmod(mode)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if "dtype" in config:
        config |= {"dtype": dtype, "torch_dtype": dtype}
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
