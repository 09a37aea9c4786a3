"""The executor of one machine or several under torchrun: each process does its part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audioforge.executor import Executor
from audioforge.inference.processes import Processes
from audioforge.measuring.evaluator import DatasetPass, Evaluator, MeasuredBatch
from audioforge.model import ModelAdapter
from audioforge.raft.collect import ScoredBatch, scored_batches
from audioforge.raft.update import update
from audioforge.run.resume_points import Progress
from audioforge.run.run import Run
from audioforge.sample import AudioSample
from audioforge.selection import Selected

Batches = Sequence[Sequence[AudioSample]]


class ProcessesExecutor(Executor):
    """This process, or those that torchrun started: whole batches are shared out among them."""

    def __init__(self) -> None:
        """Nothing is joined yet."""
        self._processes: Processes | None = None

    def join(self, device: str, dtype: str) -> None:
        """Join the group that the launcher set up, if there is one."""
        self._processes = Processes(device, dtype)

    @property
    def processes(self) -> Processes:
        """The processes of the run."""
        assert self._processes is not None, "join() comes first"
        return self._processes

    def roll_out(
        self, run: Run, adapter: ModelAdapter, cycle: int, batches: Batches
    ) -> Iterator[ScoredBatch]:
        """Sample and score this process' batches."""
        return scored_batches(run, adapter, cycle, self.processes.shard(batches))

    def measure(
        self,
        evaluator: Evaluator,
        adapter: ModelAdapter,
        dataset_pass: DatasetPass,
        batches: Batches,
    ) -> Iterator[MeasuredBatch]:
        """Decode and measure this process' batches."""
        return evaluator.measured_batches(adapter, dataset_pass, self.processes.shard(batches))

    def update(
        self, run: Run, adapter: ModelAdapter, selected: Selected, progress: Progress
    ) -> None:
        """Take this process' part of each step."""
        update(run, adapter, selected, progress)
