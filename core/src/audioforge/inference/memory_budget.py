"""How much a forward pass may keep for its backward pass, by the memory there is.

An accelerator says when its memory is full. A CPU's operating system ends the process instead; so
what a pass keeps is counted as it is kept, and a pass that would keep too much ends as one that ran
out of memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

GIB = 2**30
KEPT_SHARE = 0.6
"""Part of the memory that a pass may keep; the backward pass needs the rest. Measured on Whisper
tiny: each further clip takes 1.4 times what the forward pass keeps of it."""

OPTIMIZER_BYTES = 12
"""Per trained weight, in float32: the gradient and AdamW's two moments."""

CGROUP = Path("/sys/fs/cgroup")


class OverBudget(MemoryError):
    """A forward pass keeps more than it may."""


def budget(device: torch.device, module: torch.nn.Module) -> int | None:
    """Return how many bytes forward passes may keep, before the first step of an update.

    Args:
        device: Where the passes run.
        module: The network; room is left for gradients and moments of what is trained.

    Returns:
        None where the memory of the device cannot be told.
    """
    free = _free_bytes(device)
    if free is None:
        return None
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return max(0, int(KEPT_SHARE * (free - OPTIMIZER_BYTES * trained)))


@contextmanager
def kept_within(most: int | None, module: torch.nn.Module) -> Iterator[None]:
    """Count what forward passes keep for their backward pass, weights aside.

    Args:
        most: In bytes; None to count nothing.
        module: The network, whose weights are kept anyway.

    Raises:
        OverBudget: By the pass that keeps more.
    """
    if most is None:
        yield
        return
    seen = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept = 0

    def _count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        if tensor._is_zerotensor():  # a derivative that is 0: there are no numbers behind it
            return tensor
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            kept += storage.nbytes()
            if kept > most:
                raise OverBudget(f"a pass may keep {most / GIB:.1f} GiB of what is free")
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(_count, lambda tensor: tensor):
        yield


def _free_bytes(device: torch.device) -> int | None:
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    if device.type == "cpu":
        free = min([int(psutil.virtual_memory().available), *_container_bytes()])
        return free // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun's, on this machine
    return None


def _container_bytes() -> list[int]:
    """Return what the process' container leaves it; nothing where it is in none with a limit."""
    try:
        limit, used = ((CGROUP / f"memory.{name}").read_text() for name in ("max", "current"))
        return [max(0, int(limit) - int(used))]
    except (OSError, ValueError):  # there is none, or "max", which is no limit
        return []
