"""How much memory this process has taken at most."""

from __future__ import annotations

import sys

import torch


def peak_memory(device: torch.device | str) -> dict[str, int]:
    """Return the most memory that was taken since the process began, in bytes.

    Args:
        device: Where the model is; an accelerator of CUDA has a number of its own.

    Returns:
        `peak_memory` of the process, where the system tells, and `peak_device_memory` of tensors on
        an accelerator.
    """
    found = {}
    if sys.platform != "win32":
        import resource

        kilo = 1 if sys.platform == "darwin" else 1024
        found["peak_memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo
    if torch.device(device).type == "cuda":
        found["peak_device_memory"] = torch.cuda.max_memory_allocated(device)
    return found
