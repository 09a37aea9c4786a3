"""The update: fine-tuning on what was kept, by weighted negative log-likelihood.

Each step takes the next slice of a keyed shuffle of all that was kept; every process takes its part
of the slice, the loss is divided by the slice's weight over all processes, and the gradients are
added up. So the number of processes changes neither what a step learns from nor its scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from attrs import define

from audioforge import keyed_random
from audioforge.config import AudioRAFTConfig
from audioforge.errors import TrainingError
from audioforge.model import ModelAdapter
from audioforge.raft.clips import ClipLoader, SkipLog
from audioforge.raft.hypothesis_audio import load_audio
from audioforge.raft.processes import Processes
from audioforge.raft.selection import Kept
from audioforge.reporter import Reporter
from audioforge.sample import Clip

BETAS, EPSILON = (0.9, 0.98), 1e-6
"""Of AdamW, as Whisper was trained (Radford et al. 2022, appendix F). A cycle is short: the default
0.999 hardly forgets within it, and costs other voices more for the same gain."""


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
    cycle: int,
    *,
    skips: SkipLog,
    processes: Processes,
    reporter: Reporter,
) -> UpdateReport:
    """Fine-tune on what was kept, with a fresh AdamW.

    Args:
        adapter: The model; changed in place.
        kept: The same list, in the same order, on every process.
        config: Of the run.
        cycle: From 1.
        skips: Where a clip goes that can no longer be decoded.
        processes: Shares the work.
        reporter: Shows progress.

    Raises:
        TrainingError: If there is nothing to learn from or to train, a loss or gradient is not
            finite, or the update is nothing but zeros.
    """
    parameters = [p for p in adapter.module.parameters() if p.requires_grad]
    if not (kept and parameters):
        missing = "was kept" if parameters else "of the model's weights is trainable"
        raise TrainingError(f"cycle {cycle}: nothing {missing}, so that nothing can be learnt")
    rate = config.learning_rate_of(cycle)
    optimizer = torch.optim.AdamW(
        parameters, lr=rate, betas=BETAS, eps=EPSILON, weight_decay=config.weight_decay
    )
    loader = ClipLoader(adapter, skips)
    losses, norms = [], []
    steps = list(_steps(len(kept), config, cycle))
    adapter.module.train()
    for number, indices in enumerate(reporter.track(steps, len(steps), f"cycle {cycle} update")):
        # Dropout and the like depend on the step alone, not on what ran before.
        torch.manual_seed(
            int(
                keyed_random.generator("step", config.seed, cycle, number, processes.rank).integers(
                    2**62
                )
            )
        )
        items = [kept[i] for i in indices]
        loss = _accumulate(adapter, loader, items, config.batch_size, processes)
        processes.sum_gradients(parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm))
        loss = sum(processes.gather([loss]))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            ids = ", ".join(k.sample.id for k in items[:8])
            raise TrainingError(
                f"cycle {cycle}, step {number + 1}: loss {loss}, gradient norm {norm}. The batch "
                f"held {ids}. Lower --learning-rate, or use --dtype float32."
            )
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss)
        norms.append(norm)
    _check_something_happened(cycle, losses, norms)
    return UpdateReport(
        steps=len(losses),
        loss=sum(losses) / len(losses),
        first_loss=losses[0],
        last_loss=losses[-1],
        grad_norm=sum(norms) / len(norms),
        learning_rate=rate,
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


def _accumulate(
    adapter: ModelAdapter,
    loader: ClipLoader,
    items: Sequence[Kept],
    batch_size: int,
    processes: Processes,
) -> float:
    """Add up the gradients of this process' part of a step; return its part of the loss."""
    weight = sum(item.weight for item in items)
    own = processes.shard(items)
    total, start = 0.0, 0
    for chunk, clips in loader.batches([item.sample for item in own], batch_size):
        batch = _loaded(own[start : start + len(chunk)], clips)
        start += len(chunk)
        if not clips:
            continue
        with processes.autocast():
            loss = adapter.loss(
                adapter.prepare(clips),
                [load_audio(i.target) for i in batch],
                [i.weight for i in batch],
            )
        loss = loss / weight
        loss.backward()  # type: ignore[no-untyped-call]
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


def _check_something_happened(cycle: int, losses: list[float], norms: list[float]) -> None:
    if not any(norms):
        raise TrainingError(
            f"cycle {cycle}: every gradient is 0, so that nothing was learnt (loss "
            f"{losses[-1]:g}). Are the trained weights part of the model's loss?"
        )
    if not any(losses):
        raise TrainingError(f"cycle {cycle}: every loss is 0, so that there was nothing to learn")
