"""From clips to an adapter's batches, with what need be computed only once computed once.

An adapter that can reuse anything is always asked clip by clip, and its batches are put together
from the rows; so that a batch is the same whether a row was kept, and whatever clips stand beside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache, digest_of
from audioforge.inference.processes import Processes
from audioforge.isolation.copies import copies_for_adapter, copy_for_adapter, samples_for_adapter
from audioforge.model import ModelAdapter, Reuse, Row
from audioforge.sample import Clip

PASSING = "-passing"
"""How the kind of rows ends that are of use for one cycle: those of clips that were augmented."""


class Preparation:
    """Makes one adapter's batches, as long as the same of its weights are trained.

    Args:
        adapter: The model.
        processes: Give the precision to compute in.
        cache: Keeps rows.
        passing: Whether the clips are augmented, and will sound otherwise in the next cycle.

    Attributes:
        kind: Digest of what decides a row besides the clip: the kind under which rows are kept; ""
            where none are.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        processes: Processes,
        cache: ClipCache = NOTHING_KEPT,
        *,
        passing: bool = False,
    ) -> None:
        """Ask what can be reused."""
        self._adapter, self._processes, self._cache = adapter, processes, cache
        self._reuse = adapter.reuse()
        self.kind = self._kind_of_rows(self._reuse) if self._reuse and cache.is_open else ""
        if passing and self.kind:
            self.kind += PASSING

    def _kind_of_rows(self, reuse: Reuse) -> str:
        """Return the digest of what decides a row besides the clip: what rows are kept by."""
        device = self._processes.device.type
        with self._processes.autocast():
            reduced = torch.is_autocast_enabled(device)
        adapter = f"{type(self._adapter).__module__}.{type(self._adapter).__qualname__}"
        how = [adapter, reuse.settings, device, reduced, torch.__version__]
        return digest_of(how, reuse.weights)

    def ahead(self, clip: Clip) -> Row | None:
        """Return a clip's row in a thread beside the model, where that can be; else None."""
        if self._reuse is None:
            return None
        name = self._name_of(clip)
        row = self._cache.get(self.kind, name)
        can = self._reuse.in_threads and self._processes.allow_threads
        return self._computed(clip, name) if row is None and can else row

    def batch(self, clips: Sequence[Clip], ahead: Mapping[str, Row]) -> Any:
        """Return the adapter's batch of clips.

        Args:
            clips: The clips.
            ahead: What is there of them already, by sample id.
        """
        if self._reuse is None:
            return self._adapter.prepare(copies_for_adapter(clips))
        rows = [ahead.get(clip.sample.id) for clip in clips]
        return self._adapter.assemble(
            samples_for_adapter(clips),
            [self._row(c) if row is None else row for c, row in zip(clips, rows, strict=True)],
        )

    def _row(self, clip: Clip) -> Row:
        name = self._name_of(clip)
        row = self._cache.get(self.kind, name)
        return self._computed(clip, name) if row is None else row

    def _computed(self, clip: Clip, name: str) -> Row:
        with torch.no_grad(), self._processes.autocast():
            computed = self._adapter.reusable(copy_for_adapter(clip))
        row = {key: tensor.detach().cpu().contiguous() for key, tensor in computed.items()}
        self._cache.put(self.kind, name, row)
        return row

    def _name_of(self, clip: Clip) -> str:
        """Return what a clip's row is kept by: a digest of its sound; "" where none is kept."""
        if not self._cache.is_open:
            return ""
        return hashlib.blake2b(np.ascontiguousarray(clip.waveform).data, digest_size=16).hexdigest()
