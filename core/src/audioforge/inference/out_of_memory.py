"""Telling that memory ran out from other errors, and trying with less."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from audioforge.sample import Clip
from audioforge.terminal.reporter import Reporter

Result = TypeVar("Result")

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


def in_halves(
    clips: Sequence[Clip],
    compute: Callable[[Sequence[Clip]], Sequence[Result]],
    reporter: Reporter,
) -> Iterator[tuple[Clip, Result | None]]:
    """Compute a result for each clip of a batch; one that the memory cannot hold goes in halves.

    Args:
        clips: The batch.
        compute: Returns a result for each clip.
        reporter: Hears that a batch is halved.

    Yields:
        Each clip with its result, or with None where the memory cannot hold it even alone.
    """
    if not clips:
        return
    try:
        results = compute(clips)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        yield from zip(clips, results, strict=True)
        return
    # Outside of the except clause: the error holds the frames, and they hold the tensors.
    clear_device_cache(garbage_collection=True)
    if len(clips) == 1:
        yield clips[0], None
        return
    reporter.warn(f"out of memory with {len(clips)} clips at once: trying them in two halves")
    middle = len(clips) // 2
    for half in (clips[:middle], clips[middle:]):
        yield from in_halves(half, compute, reporter)
