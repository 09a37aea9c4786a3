"""The contract of an executor: who samples, who measures and who updates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from audioforge.sample import AudioSample

if TYPE_CHECKING:
    from audioforge.inference.processes import Processes

Batches = Sequence[Sequence[AudioSample]]
Result = TypeVar("Result")


class BatchJob(ABC, Generic[Result]):
    """Work that every process with the same model does alike, batch by batch.

    The engine's own are `audioforge.raft.collect.RolloutJob`,
    `audioforge.measuring.evaluator.EvaluationJob` and `audioforge.inference.hearing.HearingJob`; an
    executor that sends work elsewhere sends what is in them.
    """

    @abstractmethod
    def do(self, batches: Batches) -> Iterator[Result]:
        """Do batches in this process, and yield what comes of each.

        Args:
            batches: The batches that fall to this process. A batch goes to the model as it is: its
                padding is part of what comes out.
        """


class WholeJob(ABC):
    """Work that is done by all processes together: `audioforge.raft.update.UpdateJob`."""

    @abstractmethod
    def do(self) -> None:
        """Do this process' part, side by side with the others."""


class Executor(ABC):
    """Who does the work of a run: the loop says what, and writes down what comes back.

    The loop runs in every one of `processes`. What is yielded is written down by the process that
    it is yielded in; together they yield each batch once, in any order.
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
    def share(self, job: BatchJob[Result], batches: Batches) -> Iterator[Result]:
        """Have batches done, each once.

        Args:
            job: What is done with each batch: clips sampled and scored, or decoded and measured.
            batches: All batches, the same in every process.
        """

    @abstractmethod
    def together(self, job: WholeJob) -> None:
        """Have all processes do a job: the update of a cycle.

        Args:
            job: The update. It changes the model in place, and saves resume points.

        Raises:
            TrainingError: If there is nothing to learn from, or the update breaks the model.
            Interrupted: If a process was asked to stop.
        """

    def close(self) -> None:  # noqa: B027
        """Let go of what `join` took: the run is over, or stops here for now."""
