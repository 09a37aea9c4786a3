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
GIB = 2**30


@click.command()
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """List model adapters and known checkpoints.

    Memory is that of full fine-tuning without what the forward pass keeps, which grows with the
    batch. Other checkpoints work too: an adapter is chosen by a checkpoint's own config.json.
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


def training_bytes(parameters: int) -> int:
    """Return the memory of full fine-tuning with AdamW, activations aside.

    Weights, gradients and two moments, each float32: 4 B × (1 + 1 + 2) = 16 B per parameter.
    """
    return parameters * BYTES_PER_WEIGHT * (1 + 1 + ADAMW_MOMENTS)


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
        "training_bytes": training_bytes(checkpoint.parameters),
        "note": checkpoint.note,
    }


def _print_adapter(adapter: dict[str, Any]) -> None:
    tasks = ", ".join(sorted({serves["task"] for serves in adapter["serves"]}))
    console.print_line(f"{adapter['name']} ({adapter['distribution']}; {tasks})", style="bold")
    console.print_line(adapter["summary"])
    console.print_line()
    rows = [
        (
            checkpoint["id"],
            f"{checkpoint['parameters'] / 1e6:,.0f} M",
            f"{checkpoint['weight_bytes'] / GIB:.1f} GiB",
            f"{checkpoint['training_bytes'] / GIB:.1f} GiB",
            checkpoint["note"],
        )
        for checkpoint in adapter["checkpoints"]
    ]
    if rows:
        heads = ("checkpoint", "parameters", "weights", "training", "note")
        console.print_table(heads, rows, right=heads[1:4])
        console.print_line()
