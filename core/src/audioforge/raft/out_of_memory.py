"""Telling that memory ran out from other errors."""

from __future__ import annotations

import torch
from accelerate.utils.memory import should_reduce_batch_size


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that the accelerator's or the machine's memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # It looks into the first argument, which need not be a text.
    return isinstance(error, RuntimeError) and bool(
        should_reduce_batch_size(RuntimeError(str(error)))
    )
