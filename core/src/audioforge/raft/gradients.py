"""The gradients of one step, added up batch by batch in this process."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from accelerate.utils.memory import clear_device_cache

from audioforge import keyed_random
from audioforge.errors import TrainingError
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.memory_budget import budget, kept_within
from audioforge.inference.out_of_memory import is_out_of_memory
from audioforge.inference.preparation import Preparation
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.model import ModelAdapter
from audioforge.raft.step_loss import StepLoss, Targets
from audioforge.run.resume_points import Progress
from audioforge.run.run import Run
from audioforge.sample import Clip
from audioforge.selection import Kept, Selected


class Gradients:
    """Adds up this process' gradients of a step.

    A step that the memory cannot hold is done again in smaller batches, whose gradients add up to
    the same; later steps then start with the smaller ones.

    Args:
        run: The run.
        adapter: The model.
        selected: What is learnt, by which loss.
        progress: The update's: its cycle, and how many clips at once fitted into the memory before.

    Attributes:
        batch_size: Clips at once, as far as is known.
    """

    def __init__(
        self, run: Run, adapter: ModelAdapter, selected: Selected, progress: Progress
    ) -> None:
        """Look how much memory there is."""
        self._run, self._adapter, self._divisor = run, adapter, selected.divisor
        self._step_loss = StepLoss(adapter, selected.loss)
        augmenter, skips = run.augmenter(progress.cycle), run.data.train.skips
        passing = augmenter is not None
        self._preparation = Preparation(adapter, run.processes, run.cache, passing=passing)
        self._loader = ClipLoader(adapter, skips, run.cache, self._preparation, augmenter)
        self._budget = budget(run.processes.device, adapter.module)
        self.batch_size = progress.clips_at_once or run.config.batch_size

    def accumulate(self, items: Sequence[Kept], key: tuple[int, ...]) -> float:
        """Add the gradients up in the weights' `grad`; return this part of the loss.

        Args:
            items: What the step learns from, in all processes.
            key: Seeds dropout and the like, so that they depend on the step alone, not on what ran
                before.

        Raises:
            TrainingError: If the memory does not hold a single clip.
        """
        divisor = self._divisor_of(items)
        own = self._run.processes.shard(self._step_loss.by_clip(items))
        buffers = [buffer.clone() for buffer in self._adapter.module.buffers()]
        while True:
            torch.manual_seed(int(keyed_random.generator("step", *key).integers(2**62)))
            try:
                with (
                    global_state_restored(f"the model adapter {type(self._adapter).__name__}"),
                    self._run.processes.autocast(),
                ):
                    return self._sum(own, divisor)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.batch_size == 1:
                    raise TrainingError(
                        "out of memory: the update of a single clip does not fit. Use "
                        "--gradient-checkpointing, --trainable lora or frozen-encoder, a smaller "
                        "model, shorter clips, or a larger machine."
                    ) from error
            # As it was before the step: outside of the except clause, whose error holds tensors.
            self._adapter.module.zero_grad(set_to_none=True)
            for buffer, before in zip(self._adapter.module.buffers(), buffers, strict=True):
                buffer.copy_(before)
            clear_device_cache(garbage_collection=True)
            half = self.batch_size // 2
            self._run.events.warn(
                f"out of memory with {self.batch_size} clips at once: going on with {half}"
            )
            self.batch_size = half

    def _divisor_of(self, items: Sequence[Kept]) -> float:
        """Return what the loss of a step is divided by, over all processes."""
        if self._divisor == "clips":
            return len({item.sample.id for item in items})
        return sum(abs(item.weight) for item in items) or 1.0  # of weights that are all 0

    def _sum(self, own: Sequence[Targets], divisor: float) -> float:
        total, start = 0.0, 0
        chunks = chunks_of([group[0].sample for group in own], self.batch_size)
        for loaded in self._loader.batches(chunks):
            groups = _loaded(own[start : start + len(loaded.samples)], loaded.clips)
            start += len(loaded.samples)
            if not loaded.clips:
                continue
            # A batch of one is tried whatever it keeps: there is nothing smaller.
            most = self._budget if self.batch_size > 1 else None
            with kept_within(most, self._adapter.module):
                batch = self._preparation.batch(loaded.clips, loaded.ahead)
                loss = self._step_loss.of_batch(batch, groups).float() / divisor
            del batch  # before what the backward pass needs
            with torch.autocast(loss.device.type, enabled=False):  # as PyTorch asks for
                loss.backward()
            total += loss.item()
        return total


def _loaded(groups: Sequence[Targets], clips: Sequence[Clip]) -> list[Targets]:
    """Return those of the groups whose clip is there; a file can vanish since it was sampled."""
    remaining = list(clips)
    loaded = []
    for group in groups:
        if remaining and remaining[0].sample is group[0].sample:
            loaded.append(group)
            remaining.pop(0)
    return loaded
