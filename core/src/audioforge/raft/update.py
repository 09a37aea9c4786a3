"""The update: fine-tuning on what was kept, by weighted negative log-likelihood.

Each step takes the next slice of a keyed shuffle of the clips of which something was kept; every
process takes its part of the slice, the loss is divided by the slice's weight (or its clips) over
all processes, and the gradients are added up. So the number of processes changes neither what a
step learns from nor its scale.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from itertools import chain, groupby, islice

import attrs
import torch
from attrs import define, frozen

from audioforge import keyed_random
from audioforge.config import AudioRAFTConfig
from audioforge.errors import TrainingError
from audioforge.executor import Order, Outline, WholeJob, Workplace
from audioforge.inference.finite_numbers import broken_weights
from audioforge.inference.stop import Interrupted
from audioforge.model import ModelAdapter
from audioforge.raft.gradients import Gradients
from audioforge.run.events import Step
from audioforge.run.resume_points import Progress
from audioforge.run.run import Run
from audioforge.selection import Kept, Selected

BETAS, EPSILON = (0.9, 0.98), 1e-6
"""AdamW's, as Whisper was trained (Radford et al. 2022, appendix F). A cycle is short: the default
0.999 hardly forgets within it, and costs other voices more for the same gain."""


SECONDS_A_MINUTE = 60.0


@define
class UpdateReport:
    """What an update did.

    Attributes:
        steps: Optimiser steps.
        loss: Mean loss over the steps, in nats per token.
        first_loss: Loss of the first step.
        last_loss: Loss of the last step.
        grad_norm: Mean gradient norm before clipping.
        learning_rate: The rate of the cycle, once it is warmed up.
    """

    steps: int
    loss: float
    first_loss: float
    last_loss: float
    grad_norm: float
    learning_rate: float


def update(run: Run, adapter: ModelAdapter, selected: Selected, progress: Progress) -> None:
    """Fine-tune on what was selected, with a fresh AdamW, or go on where a resume point stands.

    The main process saves a resume point every `save_every` minutes, when asked to stop, and at the
    end.

    Args:
        run: The run.
        adapter: The model; changed in place. At the resume point, its weights are restored already.
        selected: What is learnt: the same list, in the same order, on every process.
        progress: How far the cycle's update is; brought forward step by step.

    Raises:
        TrainingError: If there is nothing to learn from or to train, a loss, a gradient or a
            weight after a step is not finite, or the update is nothing but zeros.
        Interrupted: If a process was asked to stop; the resume point has what was finished.
    """
    config, cycle, processes = run.config, progress.cycle, run.processes
    parameters = [p for p in adapter.module.parameters() if p.requires_grad]
    if not (selected.items and parameters):
        missing = "was kept" if parameters else "of the model's weights is trainable"
        raise TrainingError(f"cycle {cycle}: nothing {missing}, so that nothing can be learnt")
    rate = config.learning_rate_of(cycle)
    before = run.folder.points.progress()
    if before is not None and before.cycle < cycle:
        progress.clips_at_once = before.clips_at_once  # what fitted goes on fitting
    gradients = Gradients(run, adapter, selected, progress)
    optimizer = adamw(parameters, rate, config.weight_decay)
    if progress.steps:
        run.folder.points.restore_optimizer(optimizer)
    saving = _Saving(run, adapter.module, progress)
    steps = list(enumerate(_steps(selected.items, config, cycle)))[progress.steps :]
    # A loss of its own compares likelihoods with what the model said: dropout would be noise there.
    adapter.module.train(selected.loss is None or config.gradient_checkpointing)
    run.events.update_begins(cycle, progress.steps)
    for number, items in run.reporter.track(steps, len(steps), _stage(cycle), unit="steps"):
        # Every process adds up the gradients of its part; then all of them take the same step.
        own = gradients.accumulate(items, (config.seed, cycle, number, processes.rank))
        processes.sum_gradients(parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm))
        shared = processes.gather([(own, run.stop.number or 0, gradients.batch_size)])
        losses, signals, sizes = zip(*shared, strict=True)
        loss, asked = sum(losses), max(signals)
        _check_loss(f"cycle {cycle}, step {number + 1}", loss, norm, items)
        rate = config.learning_rate_of(cycle, step=number + 1)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        processes.share_buffers(adapter.module)
        _check_weights(adapter.module, f"cycle {cycle}, step {number + 1}", loss, norm)
        progress.add(loss, norm, saving.seconds)
        progress.clips_at_once = gradients.batch_size = min(sizes)
        run.events.step(
            Step(cycle=cycle, number=progress.steps, loss=loss, grad_norm=norm, learning_rate=rate)
        )
        saving.after_step(optimizer, asked)
    _check_something_happened(cycle, progress.losses, progress.norms)
    progress.finished = True
    saving.at_end()


@frozen(eq=False)
class UpdateJob(WholeJob):
    """The update of a cycle.

    Attributes:
        run: The run; its resume point is where the update goes on, and where it saves.
        adapter: The model; at the resume point, its weights are restored already.
        selected: What is learnt: the same list, in the same order, on every process.
        progress: How far the update is; brought forward step by step, on every process.
    """

    run: Run
    adapter: ModelAdapter
    selected: Selected
    progress: Progress

    @property
    def what(self) -> str:
        """What is done, in the words of the progress bar."""
        return _stage(self.progress.cycle)

    @property
    def steps(self) -> int:
        """How many steps of the optimiser there are to take, without those done before."""
        steps = _steps(self.selected.items, self.run.config, self.progress.cycle)
        return sum(1 for _ in steps) - self.progress.steps

    @property
    def outline(self) -> Outline:
        """The run, for other processes."""
        return self.run.evaluator.outline

    def order(self) -> UpdateOrder:
        """Return the job for other processes."""
        return UpdateOrder(self.selected, self.progress.cycle)

    def recall(self) -> None:
        """Take over the weights of the resume point, and how far the cycle's update is."""
        points = self.run.folder.points
        there = points.progress()
        if there is None:
            return
        points.restore_module(self.adapter.module)
        if there.cycle == self.progress.cycle:
            for name, value in attrs.asdict(there).items():
                setattr(self.progress, name, value)

    def do(self) -> None:
        """Take this process' part of each step; see `update`."""
        update(self.run, self.adapter, self.selected, self.progress)


@frozen(eq=False)
class UpdateOrder(Order[UpdateJob]):
    """The update of a cycle, elsewhere.

    Attributes:
        selected: What is learnt.
        cycle: The cycle, from 1.
    """

    selected: Selected
    cycle: int

    def at(self, place: Workplace) -> UpdateJob:
        """Return the job, to be done there."""
        return UpdateJob(place.run, place.adapter, self.selected, Progress(self.cycle))


def adamw(
    parameters: list[torch.nn.Parameter], rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return AdamW; its fused kind is one pass over the weights, for float32 on CPUs and CUDA."""
    fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
    return torch.optim.AdamW(
        parameters, lr=rate, betas=BETAS, eps=EPSILON, weight_decay=weight_decay, fused=fused
    )


class _Saving:
    """Saves resume points, and counts the time of an update over all of its starts."""

    def __init__(self, run: Run, module: torch.nn.Module, progress: Progress) -> None:
        """Start the clock."""
        self._run, self._module, self._progress = run, module, progress
        self._clips_at_once: int | None = progress.clips_at_once or run.config.batch_size
        self._started = self._saved = time.monotonic()
        self._before = progress.seconds

    @property
    def seconds(self) -> float:
        """What the update took until now."""
        return self._before + time.monotonic() - self._started

    def after_step(self, optimizer: torch.optim.Optimizer, asked: int) -> None:
        """Save if it is time to, or if a process was asked to stop.

        Args:
            optimizer: The optimiser, whose moments are saved too.
            asked: The signal that asked to stop; 0 where none did.

        Raises:
            Interrupted: If a process was asked to stop.
        """
        minutes = (time.monotonic() - self._saved) / SECONDS_A_MINUTE
        due = asked or minutes > self._run.config.save_every or self._batches_shrank()
        if due and self._run.processes.is_main:
            self._run.folder.points.save(self._progress, self._module, optimizer)
            self._saved = time.monotonic()
        if asked:
            self._run.processes.wait()
            raise Interrupted(asked)

    def _batches_shrank(self) -> bool:
        """Say so once: what is done again must not depend on the memory there is by then."""
        before, self._clips_at_once = self._clips_at_once, self._progress.clips_at_once
        return before != self._clips_at_once

    def at_end(self) -> None:
        """Save what the next stages start from; each cycle has a fresh optimiser."""
        if self._run.processes.is_main:
            self._run.folder.points.save(self._progress, self._module, None)
        self._run.processes.wait()


def report_of(progress: Progress, learning_rate: float) -> UpdateReport:
    """Return what an update did.

    Raises:
        TrainingError: If it is not finished: the executor came back without having done it.
    """
    if not progress.finished:
        raise TrainingError(
            f"cycle {progress.cycle}: the executor came back after {progress.steps} steps, and the "
            f"update is not finished; go on with another --executor"
        )
    losses, norms = progress.losses, progress.norms
    return UpdateReport(
        steps=len(losses),
        loss=sum(losses) / len(losses),
        first_loss=losses[0],
        last_loss=losses[-1],
        grad_norm=sum(norms) / len(norms),
        learning_rate=learning_rate,
    )


def _stage(cycle: int) -> str:
    return f"cycle {cycle} update"


def _steps(items: Sequence[Kept], config: AudioRAFTConfig, cycle: int) -> Iterator[list[Kept]]:
    """Yield what each step of the optimiser learns from, in all processes.

    A step takes so many clips; all that is kept of a clip is learnt in one step.
    """
    clips = [list(group) for _, group in groupby(items, key=lambda item: item.sample.id)]
    count, size = len(clips), config.batch_size * config.gradient_accumulation_steps
    epochs = (
        keyed_random.shuffled(count, "update", config.seed, cycle, epoch)
        for epoch in itertools.count()
    )
    if config.steps_per_cycle is None:
        orders = islice(epochs, config.epochs_per_cycle)
        chosen = (order[i : i + size] for order in orders for i in range(0, count, size))
    else:  # steps go on from one pass to the next
        endless = chain.from_iterable(epochs)
        chosen = (list(islice(endless, size)) for _ in range(config.steps_per_cycle))
    for numbers in chosen:
        yield [item for number in numbers for item in clips[number]]


def _check_loss(where: str, loss: float, norm: float, items: Sequence[Kept]) -> None:
    """Check a step before it is taken."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        ids = ", ".join(k.sample.id for k in items[:8])
        raise TrainingError(
            f"{where}: loss {loss}, gradient norm {norm}. The batch held {ids}. Lower "
            f"--learning-rate, or use --dtype float32."
        )


def _check_weights(module: torch.nn.Module, where: str, loss: float, norm: float) -> None:
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
