"""`audioforge models`: adapters, and public checkpoints with the memory that they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from audioforge.cli.plugin_option import plugin_option
from audioforge.model import KnownCheckpoint
from audioforge.plugins import discover, model_specs
from audioforge.specs import ModelSpec
from audioforge.terminal import console

BYTES_PER_WEIGHT = 4  # float32
ADAMW_MOMENTS = 2  # running means of the gradient and of its square, one of each per weight
PROGRAM_BYTES = 2**30
"""Python, torch, Transformers, and what every step takes beside weights and clips: measured."""

CHECKPOINTED = 3
"""With gradient checkpointing a clip takes at most a third of its memory: measured."""

WEIGHTS_AT_LEAST = 1.85
"""The weights, the copy of them that decodes, and what lies free in between: measured."""

BATCH = 8
GIB = 2**30


@click.command()
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """List model adapters and known checkpoints.

    Memory is that of a training cycle of all weights in float32, with batches of 8 and of 1 clip,
    and with --trainable lora --gradient-checkpointing --batch-size 1. Other checkpoints work too:
    an adapter is chosen by a checkpoint's own config.json.
    """
    registry = discover(files=plugin_files)
    adapters = [_adapter(spec, distribution) for spec, distribution in model_specs(registry)]
    if as_json:
        console.print_json(adapters)
        return
    if not adapters:
        console.print_line(f"No model adapter is installed.{registry.why_missing('models')}")
        return
    for adapter in adapters:
        _print_adapter(adapter)


def weight_bytes(parameters: int) -> int:
    """Return the memory of float32 weights: 4 bytes each."""
    return parameters * BYTES_PER_WEIGHT


def training_bytes(checkpoint: KnownCheckpoint, clips: int) -> int:
    """Return the memory of a cycle that trains all weights in float32.

    Weights, gradients and two moments of AdamW: 4 B × (1 + 1 + 2) = 16 B per parameter. Where clips
    have no one length, they are not counted.

    Args:
        checkpoint: The model.
        clips: How many are learnt from at once.
    """
    weights = weight_bytes(checkpoint.parameters) * (1 + 1 + ADAMW_MOMENTS)
    return weights + PROGRAM_BYTES + clips * (checkpoint.clip_bytes or 0)


def least_training_bytes(checkpoint: KnownCheckpoint) -> int:
    """Return the memory of a cycle with low-rank updates, checkpointing, and one clip at once."""
    weights = int(WEIGHTS_AT_LEAST * weight_bytes(checkpoint.parameters))
    return weights + PROGRAM_BYTES + (checkpoint.clip_bytes or 0) // CHECKPOINTED


def _adapter(spec: ModelSpec, distribution: str) -> dict[str, Any]:
    return {
        "name": spec.name,
        "distribution": distribution,
        "summary": spec.summary,
        "serves": [
            {
                "task": s.task,
                "model_type": s.model_type,
                "architectures": list(s.architectures),
            }
            for s in spec.serves
        ],
        "checkpoints": [_checkpoint(checkpoint) for checkpoint in spec.checkpoints],
    }


def _checkpoint(checkpoint: KnownCheckpoint) -> dict[str, Any]:
    return {
        "id": checkpoint.id,
        "parameters": checkpoint.parameters,
        "weight_bytes": weight_bytes(checkpoint.parameters),
        "training_bytes": training_bytes(checkpoint, BATCH),
        "training_bytes_one_clip": training_bytes(checkpoint, 1),
        "training_bytes_least": least_training_bytes(checkpoint),
        "clip_bytes": checkpoint.clip_bytes,
        "note": checkpoint.note,
    }


def _print_adapter(adapter: dict[str, Any]) -> None:
    tasks = ", ".join(sorted({serves["task"] for serves in adapter["serves"]}))
    console.print_line(f"{adapter['name']} ({adapter['distribution']}; {tasks})", style="bold")
    console.print_line(adapter["summary"])
    console.print_line()
    rows = [_row(checkpoint) for checkpoint in adapter["checkpoints"]]
    if rows:
        heads = ("checkpoint", "parameters", "weights", "training", "1 clip", "least", "note")
        console.print_table(heads, rows, right=heads[1:6])
        console.print_line()


def _row(checkpoint: dict[str, Any]) -> tuple[str, ...]:
    clips = "" if checkpoint["clip_bytes"] else " + clips"
    memory = ("training_bytes", "training_bytes_one_clip", "training_bytes_least")
    return (
        checkpoint["id"],
        f"{checkpoint['parameters'] / 1e6:,.0f} M",
        f"{checkpoint['weight_bytes'] / GIB:.1f} GiB",
        *(f"{checkpoint[key] / GIB:.1f} GiB{clips}" for key in memory),
        checkpoint["note"],
    )
