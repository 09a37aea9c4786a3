"""Checking that a model adapter learns, and that what it has learnt is saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from audioforge.model import ModelAdapter
from audioforge_kit.contract import expect

STEPS = 30
"""Optimiser steps on one batch."""

UNSAFE = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def check_learning(
    adapter: ModelAdapter,
    trained: Sequence[torch.nn.Parameter],
    loss_now: Callable[[], torch.Tensor],
    learning_rate: float,
    what: str,
) -> None:
    """Check that the loss of one batch falls, and that gradients reach what is trained.

    Args:
        adapter: The adapter, made trainable.
        trained: The weights that it trains.
        loss_now: Returns the loss of the batch.
        learning_rate: Of AdamW.
        what: How it was made trainable, for messages.

    Raises:
        ContractError: If it does not, or they do not.
    """
    optimizer = torch.optim.AdamW(trained, lr=learning_rate)
    adapter.module.eval()  # without dropout: each step sees the same
    losses = []
    for _ in range(STEPS):
        loss = loss_now()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    reached = any(p.grad is not None and bool(p.grad.any()) for p in trained)
    expect(reached, f"{what}: no gradient reaches what is trained")
    fell = losses[-1] < losses[0]
    expect(fell, f"{what}: the loss went from {losses[0]:.4g} to {losses[-1]:.4g}")


def change_weights(trained: Sequence[torch.nn.Parameter]) -> None:
    """Change weights a little, each otherwise than its neighbours, as training does."""
    with torch.no_grad():
        for number, weight in enumerate(trained):
            weight.add_(0.01 * (number % 3 - 1))


def check_saving(adapter: ModelAdapter, folder: Path) -> None:
    """Check that a checkpoint is a configuration and safetensors, and nothing that is unpickled.

    Args:
        adapter: What is saved.
        folder: Where to; made here.

    Raises:
        ContractError: If it is something else.
    """
    folder.mkdir()
    adapter.save(folder)
    names = sorted(path.name for path in folder.rglob("*"))
    expect("config.json" in names, f"there is no config.json, only {', '.join(names)}")
    pickled = [n for n in names if any(n.endswith(suffix) for suffix in UNSAFE)]
    expect(not pickled, f"pickle can run code, and is not loaded: {', '.join(pickled)}")
    expect(any(n.endswith(".safetensors") for n in names), "there is no .safetensors file")
    json.loads((folder / "config.json").read_text(encoding="utf-8"))
