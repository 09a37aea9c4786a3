"""Opening the store of what need be computed of a clip only once, within the disk's room."""

from __future__ import annotations

from audioforge.inference.clips import SOUND
from audioforge.inference.preparation import Preparation
from audioforge.model import ModelAdapter
from audioforge.run.disk_space import DiskSpace, allowed_bytes
from audioforge.run.run import Run


def open_cache(run: Run, adapter: ModelAdapter, space: DiskSpace, *, fresh: bool) -> None:
    """Keep from now on what need be computed of a clip only once, and use what is kept already.

    Results do not depend on it. It leaves what the rest of the run needs of the disk, and is gone
    with the run's state when the run ends.

    Args:
        run: The run, begun.
        adapter: The model, made trainable.
        space: What the run needs, and what there is.
        fresh: Whether what is kept is thrown away: the code that computed it may have changed.
    """
    cache, processes, allowed = run.cache, run.processes, allowed_bytes(run)
    cache.open(allowed, run.reporter.warn)
    if processes.is_main:  # rows of another device, or another torch, are of no use any more
        kind = Preparation(adapter, processes, cache).kind
        cache.clear(but=() if fresh else (SOUND, kind))
    processes.wait()
    there = cache.bytes_there()
    room = allowed if space.free is None else there + max(0, space.free - space.needed)
    left = max(0, min(allowed, room) - there)
    processes.wait()  # nobody writes while others still count
    cache.open(there + left // processes.count if allowed else 0, run.reporter.warn)
