"""Telling that memory ran out from other errors."""

from __future__ import annotations

import re

import torch
from accelerate.utils.memory import should_reduce_batch_size

OTHER_WORDS = re.compile(
    r"could not create a (primitive(?! descriptor)|memory object)"
    r"|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED"
)
"""How oneDNN, CUDA and cuBLAS say it, beside what Accelerate knows. That oneDNN finds no primitive
*descriptor* says that it does not know the operation."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that the accelerator's or the machine's memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    # It looks into the first argument, which need not be a text.
    known = bool(should_reduce_batch_size(RuntimeError(str(error))))
    return known or OTHER_WORDS.search(str(error)) is not None
