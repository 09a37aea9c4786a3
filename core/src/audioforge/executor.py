"""The contract of an executor: who samples, who measures and who updates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audioforge.inference.processes import Processes
    from audioforge.measuring.evaluator import DatasetPass, Evaluator, MeasuredBatch
    from audioforge.model import ModelAdapter
    from audioforge.raft.collect import ScoredBatch
    from audioforge.run.resume_points import Progress
    from audioforge.run.run import Run
    from audioforge.sample import AudioSample
    from audioforge.selection import Selected

    Batches = Sequence[Sequence[AudioSample]]


class Executor(ABC):
    """Who does the work of a run: the loop says what, and writes down what comes back.

    The loop runs in every one of `processes`. What is yielded is written down by the process that
    it is yielded in; together they yield each batch once, in any order. A batch is cut by the loop
    and goes to the model as it is: its padding is part of what comes out.
    """

    @abstractmethod
    def join(self, device: str, dtype: str) -> None:
        """Join the processes that run the loop. Called once, before anything else.

        Args:
            device: "auto", "cpu", "cuda" or "mps".
            dtype: "float32" or "bfloat16".

        Raises:
            ConfigError: If the device is not there.
            TrainingError: If the processes cannot join.
        """

    @property
    @abstractmethod
    def processes(self) -> Processes:
        """The processes that run the loop, this one among them; known from `join` on."""

    @abstractmethod
    def roll_out(
        self, run: Run, adapter: ModelAdapter, cycle: int, batches: Batches
    ) -> Iterator[ScoredBatch]:
        """Sample hypotheses for batches of a cycle, and score them.

        Args:
            run: The run.
            adapter: The model, the same in every process.
            cycle: The cycle, from 1; keys the noise.
            batches: What is missing of the cycle, of all processes.
        """

    @abstractmethod
    def measure(
        self,
        evaluator: Evaluator,
        adapter: ModelAdapter,
        dataset_pass: DatasetPass,
        batches: Batches,
    ) -> Iterator[MeasuredBatch]:
        """Decode batches greedily, and measure them.

        Args:
            evaluator: What measures; the same in every process.
            adapter: The model.
            dataset_pass: The dataset, and what to do with it.
            batches: What is missing of the dataset, of all processes.
        """

    @abstractmethod
    def update(
        self, run: Run, adapter: ModelAdapter, selected: Selected, progress: Progress
    ) -> None:
        """Fine-tune the model in place on what was selected, until the cycle's update is over.

        Args:
            run: The run; its resume point is where this goes on, and where it saves.
            adapter: The model; at the resume point, its weights are restored already.
            selected: The same, in the same order, on every process.
            progress: How far the update is; brought forward step by step, on every process.

        Raises:
            TrainingError: If there is nothing to learn from, or the update breaks the model.
            Interrupted: If a process was asked to stop.
        """

    def close(self) -> None:  # noqa: B027
        """Let go of what `join` took: the run is over, or stops here for now."""
