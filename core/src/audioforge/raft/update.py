"""The update: fine-tuning on what was kept, by weighted negative log-likelihood.

Each step takes the next slice of a keyed shuffle of all that was kept; every process takes its part
of the slice, the loss is divided by the slice's weight over all processes, and the gradients are
added up. So the number of processes changes neither what a step learns from nor its scale.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import torch
from accelerate.utils.memory import clear_device_cache
from attrs import define

from audioforge import keyed_random
from audioforge.config import AudioRAFTConfig
from audioforge.errors import TrainingError
from audioforge.inference.clips import ClipLoader, SkipLog, chunks_of
from audioforge.inference.finite import broken_weights
from audioforge.inference.hypothesis_audio import load_audio
from audioforge.inference.out_of_memory import is_out_of_memory
from audioforge.inference.processes import Processes
from audioforge.inference.stop import Interrupted, StopRequest
from audioforge.isolation.copies import for_adapter
from audioforge.isolation.global_state.put_back import global_state_put_back
from audioforge.model import ModelAdapter
from audioforge.raft.selection import Kept
from audioforge.run.resume_points import Progress, ResumePoints
from audioforge.sample import Clip
from audioforge.terminal.reporter import Reporter

BETAS, EPSILON = (0.9, 0.98), 1e-6
"""Of AdamW, as Whisper was trained (Radford et al. 2022, appendix F). A cycle is short: the default
0.999 hardly forgets within it, and costs other voices more for the same gain."""


SECONDS_A_MINUTE = 60.0


@define
class UpdateReport:
    """What an update did.

    Attributes:
        steps: Optimiser steps.
        loss: Mean loss over the steps, in nats per token.
        first_loss: Of the first step.
        last_loss: Of the last step.
        grad_norm: Mean gradient norm before clipping.
        learning_rate: That was used.
    """

    steps: int
    loss: float
    first_loss: float
    last_loss: float
    grad_norm: float
    learning_rate: float


def update(
    adapter: ModelAdapter,
    kept: Sequence[Kept],
    config: AudioRAFTConfig,
    progress: Progress,
    points: ResumePoints,
    *,
    skips: SkipLog,
    processes: Processes,
    reporter: Reporter,
    stop: StopRequest,
) -> UpdateReport:
    """Fine-tune on what was kept, with a fresh AdamW, or go on where a resume point stands.

    Args:
        adapter: The model; changed in place. At the resume point, its weights are restored already.
        kept: The same list, in the same order, on every process.
        config: Of the run.
        progress: Of this cycle; brought forward step by step.
        points: Where the main process saves: every `save_every` minutes, when asked to stop, and at
            the end.
        skips: Where a clip goes that can no longer be decoded.
        processes: Shares the work.
        reporter: Shows progress.
        stop: Asked after each step.

    Raises:
        TrainingError: If there is nothing to learn from or to train, a loss, a gradient or a
            weight after a step is not finite, or the update is nothing but zeros.
        Interrupted: If a process was asked to stop; the resume point has what was finished.
    """
    cycle, started = progress.cycle, time.monotonic()
    parameters = [p for p in adapter.module.parameters() if p.requires_grad]
    if not (kept and parameters):
        missing = "was kept" if parameters else "of the model's weights is trainable"
        raise TrainingError(f"cycle {cycle}: nothing {missing}, so that nothing can be learnt")
    rate = config.learning_rate_of(cycle)
    optimizer = torch.optim.AdamW(
        parameters, lr=rate, betas=BETAS, eps=EPSILON, weight_decay=config.weight_decay
    )
    if progress.steps:
        points.restore_optimizer(optimizer)
    seconds_before, saved = progress.seconds, started
    loader = ClipLoader(adapter, skips)
    gradients = _Gradients(adapter, loader, config.batch_size, processes, reporter)
    steps = list(enumerate(_steps(len(kept), config, cycle)))[progress.steps :]
    adapter.module.train()
    for number, indices in reporter.track(steps, len(steps), f"cycle {cycle} update"):
        items = [kept[i] for i in indices]
        own = gradients.accumulate(items, (config.seed, cycle, number, processes.rank))
        processes.sum_gradients(parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm))
        asked = stop.number or 0
        shared = processes.gather([(own, asked)])
        loss, asked = sum(part for part, _ in shared), max(number for _, number in shared)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            ids = ", ".join(k.sample.id for k in items[:8])
            raise TrainingError(
                f"cycle {cycle}, step {number + 1}: loss {loss}, gradient norm {norm}. The batch "
                f"held {ids}. Lower --learning-rate, or use --dtype float32."
            )
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        processes.share_buffers(adapter.module)
        _check_step(adapter.module, f"cycle {cycle}, step {number + 1}", loss, norm)
        progress.losses.append(loss)
        progress.norms.append(norm)
        progress.seconds = seconds_before + time.monotonic() - started
        if processes.is_main and (
            asked or time.monotonic() - saved > SECONDS_A_MINUTE * config.save_every
        ):
            points.save(progress, adapter.module, optimizer)
            saved = time.monotonic()
        if asked:
            processes.wait()
            raise Interrupted(asked)
    _check_something_happened(cycle, progress.losses, progress.norms)
    progress.finished = True
    if processes.is_main:
        points.save(progress, adapter.module, None)
    processes.wait()
    return report_of(progress, rate)


def report_of(progress: Progress, learning_rate: float) -> UpdateReport:
    """Return what a finished update did."""
    losses, norms = progress.losses, progress.norms
    return UpdateReport(
        steps=len(losses),
        loss=sum(losses) / len(losses),
        first_loss=losses[0],
        last_loss=losses[-1],
        grad_norm=sum(norms) / len(norms),
        learning_rate=learning_rate,
    )


def _steps(count: int, config: AudioRAFTConfig, cycle: int) -> Iterator[list[int]]:
    """Yield, for each optimiser step, which of the kept items it learns from, in all processes."""
    size = config.batch_size * config.gradient_accumulation_steps
    if config.steps_per_cycle is None:
        for epoch in range(config.epochs_per_cycle):
            order = keyed_random.shuffled(count, "update", config.seed, cycle, epoch)
            yield from (order[i : i + size] for i in range(0, count, size))
        return
    order, epoch = [], 0
    for _ in range(config.steps_per_cycle):
        while len(order) < size:
            order += keyed_random.shuffled(count, "update", config.seed, cycle, epoch)
            epoch += 1
        yield order[:size]
        order = order[size:]


class _Gradients:
    """Adds up this process' gradients of a step.

    A step that the memory cannot hold is done again in smaller batches, whose gradients add up to
    the same; later steps then start with the smaller ones.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        loader: ClipLoader,
        batch_size: int,
        processes: Processes,
        reporter: Reporter,
    ) -> None:
        """Start with batches of the configured size."""
        self._adapter, self._loader, self._batch_size = adapter, loader, batch_size
        self._processes, self._reporter = processes, reporter

    def accumulate(self, items: Sequence[Kept], key: tuple[int, ...]) -> float:
        """Add the gradients up in the weights' `grad`; return this part of the loss.

        Args:
            items: Of the step, in all processes.
            key: Seeds dropout and the like, so that they depend on the step alone, not on what ran
                before.

        Raises:
            TrainingError: If the memory does not hold a single clip.
        """
        weight = sum(item.weight for item in items)
        own = self._processes.shard(items)
        buffers = [buffer.clone() for buffer in self._adapter.module.buffers()]
        while True:
            torch.manual_seed(int(keyed_random.generator("step", *key).integers(2**62)))
            try:
                with global_state_put_back(f"the model adapter {type(self._adapter).__name__}"):
                    return self._sum(own, weight)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self._batch_size == 1:
                    raise TrainingError(
                        "out of memory: the update of a single clip does not fit. Use --trainable "
                        "lora or frozen-encoder, a smaller model, shorter clips, or a larger "
                        "machine."
                    ) from error
            self._adapter.module.zero_grad(set_to_none=True)
            for buffer, before in zip(self._adapter.module.buffers(), buffers, strict=True):
                buffer.copy_(before)
            clear_device_cache(garbage_collection=True)
            half = self._batch_size // 2
            self._reporter.warn(
                f"out of memory with {self._batch_size} clips at once: going on with {half}"
            )
            self._batch_size = half

    def _sum(self, own: Sequence[Kept], weight: float) -> float:
        total, start = 0.0, 0
        chunks = chunks_of([item.sample for item in own], self._batch_size)
        for loaded in self._loader.batches(chunks):
            batch = _loaded(own[start : start + len(loaded.samples)], loaded.clips)
            start += len(loaded.samples)
            if not loaded.clips:
                continue
            with self._processes.autocast():
                loss = self._adapter.loss(
                    self._adapter.prepare(for_adapter(loaded.clips)),
                    [load_audio(i.target) for i in batch],
                    [i.weight for i in batch],
                )
            loss = loss / weight
            loss.backward()
            total += loss.item()
        return total


def _loaded(items: Sequence[Kept], clips: Sequence[Clip]) -> list[Kept]:
    """Return those of the items whose clip is there; a file can vanish since it was sampled."""
    remaining = list(clips)
    loaded = []
    for item in items:
        if remaining and remaining[0].sample is item.sample:
            loaded.append(item)
            remaining.pop(0)
    return loaded


def _check_step(module: torch.nn.Module, where: str, loss: float, norm: float) -> None:
    """Check the weights after a step: a finite gradient can still take them out of float32."""
    trained = ((name, p) for name, p in module.named_parameters() if p.requires_grad)
    if broken := broken_weights(trained, module.named_buffers()):
        raise TrainingError(
            f"{where}: after it {broken} (loss {loss:g}, gradient norm {norm:g}). Nothing of this "
            f"step was saved. Start a new run with a lower --learning-rate."
        )


def _check_something_happened(cycle: int, losses: list[float], norms: list[float]) -> None:
    if not any(norms):
        raise TrainingError(
            f"cycle {cycle}: every gradient is 0, so that nothing was learnt (loss "
            f"{losses[-1]:g}). Are the trained weights part of the model's loss?"
        )
    if not any(losses):
        raise TrainingError(f"cycle {cycle}: every loss is 0, so that there was nothing to learn")
