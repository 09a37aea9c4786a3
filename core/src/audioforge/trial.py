"""A few clips sampled, measured and learnt from, so that a run's time and memory can be told.

Nothing is written, and the weights that this changes are not those of a run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from audioforge import keyed_random
from audioforge.inference.peak_memory import peak_memory
from audioforge.inference.sampling import Sampled
from audioforge.inference.skip_log import SkipLog
from audioforge.measuring.dataset_pass import DatasetPass
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.model import ModelAdapter
from audioforge.raft.gradients import Gradients
from audioforge.raft.update import adamw
from audioforge.run.phases import phases_of
from audioforge.run.resume_points import Progress
from audioforge.run.rollout_job import RolloutJob
from audioforge.run.run import Run
from audioforge.sample import AudioSample
from audioforge.selection import Selected
from audioforge.terminal.stage import duration

MOST_CLIPS = 16
"""Clips that are tried at most, of a batch that is larger."""
GIB = 2**30


@frozen
class Trial:
    """What a run is expected to take.

    Attributes:
        clips: How many clips it was measured on, as one batch.
        tried: How many were to be; the others could not be used.
        dataset: Where they are from.
        batch_size: How many clips a batch of the run has.
        seconds: Expected time by kind of phase, in seconds: evaluate, sample, update; the last one
            only where anything was learnt.
        memory_bytes: The most memory that was in use; None where the system does not tell.
        device: Whose memory it is.
    """

    clips: int
    tried: int
    dataset: str
    batch_size: int
    seconds: dict[str, float]
    memory_bytes: int | None
    device: str

    def describe(self) -> list[str]:
        """Return it in lines."""
        parts = ", ".join(f"{kind} {duration(took)}" for kind, took in self.seconds.items())
        lines = [
            f"expected time: about {duration(sum(self.seconds.values()))} ({parts}), measured on "
            f"{self.clips} training clips, if two clips of three are learnt from"
        ]
        if "update" not in self.seconds:
            lines[0] += "; without the updates, since nothing of these clips would be kept"
        if self.clips < self.tried:
            lines.append(
                f"{self.tried - self.clips} of the {self.tried} training clips that were tried "
                f"cannot be used: audioforge datasets show {self.dataset} says why"
            )
        if self.memory_bytes is not None:
            fewer = self.clips < self.batch_size
            lines.append(
                f"expected memory: {self.memory_bytes / GIB:.1f} GiB of {self.device}, measured "
                f"with {self.clips} clips at once"
                + (f", and a batch has {self.batch_size}" if fewer else "")
            )
        return lines

    def as_mapping(self) -> dict[str, Any]:
        """Return it as `--dry-run --json` prints it."""
        return {
            "clips": self.clips,
            "tried": self.tried,
            "seconds": self.seconds,
            "memory_bytes": self.memory_bytes,
            "memory_of": self.device,
        }


def trial(run: Run, adapter: ModelAdapter) -> Trial | None:
    """Measure how long each part of a run takes.

    Args:
        run: The run, not begun.
        adapter: Its model, made trainable; changed in place.

    Returns:
        None where none of a few clips can be used.
    """
    samples = run.data.train.samples
    count = min(len(samples), run.config.batch_size, MOST_CLIPS)
    chosen = sorted(keyed_random.shuffled(len(samples), "trial")[:count])
    clips = [samples[i] for i in chosen]
    with run.reporter.doing(f"try {count} clips"):
        _evaluate(run, adapter, clips[:1])  # what is done only once
        evaluating = _evaluate(run, adapter, clips)
        started = time.perf_counter()
        batches = list(RolloutJob(run, adapter, 1, frozenset()).sampled([clips]))
        sampling = time.perf_counter() - started
        drawn = [item for batch in batches for item in batch.sampled]
        if not drawn:
            return None
        learning = _learn(run, adapter, drawn)
    costs = {"evaluate": evaluating / count, "sample": sampling / count, "update": learning}
    seconds: dict[str, float] = {}
    for phase in phases_of(run):
        cost = costs[phase.kind]
        if cost is not None:
            seconds[phase.kind] = seconds.get(phase.kind, 0.0) + phase.units * cost
    device = run.processes.device
    peak = peak_memory(device)
    memory = peak.get("peak_device_memory", peak.get("peak_memory"))
    return Trial(
        clips=len(drawn),
        tried=count,
        dataset=run.data.train.name,
        batch_size=run.config.batch_size,
        seconds=seconds,
        memory_bytes=memory,
        device=device.type,
    )


def _evaluate(run: Run, adapter: ModelAdapter, clips: list[AudioSample]) -> float:
    """Return the seconds that measuring on clips takes."""
    started = time.perf_counter()
    skips = SkipLog("skip")
    dataset_pass = DatasetPass(dataset=EvaluationSet("a few clips", clips, skips), what="try")
    list(run.evaluator.measured_batches(adapter, dataset_pass, [clips]))
    return time.perf_counter() - started


def _learn(run: Run, adapter: ModelAdapter, drawn: Sequence[Sampled]) -> float | None:
    """Return the seconds of a step that learns from a batch; None where nothing would be kept."""
    samples = [clip.as_sample() for clip, _ in drawn]
    rollouts = run.verification.verify(1, samples, [hypotheses for _, hypotheses in drawn])
    selected: Selected = run.selection.select(rollouts, run.selection_context(0.0))
    parameters = [p for p in adapter.module.parameters() if p.requires_grad]
    if not (selected.items and parameters):
        return None
    adapter.module.train(selected.loss is None or run.config.gradient_checkpointing)
    gradients = Gradients(run, adapter, selected, Progress(1))
    optimizer = adamw(parameters, run.config.learning_rate_of(1), run.config.weight_decay)
    started = time.perf_counter()
    gradients.accumulate(selected.items, (run.config.seed, 1, 0, run.processes.rank))
    optimizer.step()
    clips = len({item.sample.id for item in selected.items})
    step = run.config.batch_size * run.config.gradient_accumulation_steps
    return (time.perf_counter() - started) * step / clips
