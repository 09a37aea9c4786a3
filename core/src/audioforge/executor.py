"""The contract of an executor: who samples, who measures and who updates.

A job is done where the run is, by `do`, or elsewhere: then its order goes there, plain values
without model and run, and becomes a job again at a `Workplace` that is made from the outline of the
run and holds the same weights. What comes back is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from attrs import frozen

from audioforge.sample import AudioSample

if TYPE_CHECKING:
    from audioforge.inference.clip_cache import ClipCache
    from audioforge.inference.processes import Processes
    from audioforge.model import ModelAdapter
    from audioforge.run.run import Run
    from audioforge.terminal.reporter import Reporter

Batches = Sequence[Sequence[AudioSample]]
Result = TypeVar("Result")
Job = TypeVar("Job", covariant=True)


@frozen(kw_only=True, eq=False)
class Outline:
    """What must be known of a run to do a part of it in a process that has read none of its data.

    Attributes:
        settings: The settings, with all that the data decided, as `config.yaml` has them.
        language: What the model is told to transcribe; None where it is told clip by clip.
        labels: The classes of the data.
        corpus: The samples that verifiers may learn from, in the order of the datasets. Whoever
            sends an outline away sends these apart: there can be a million.
        given: Names of verifiers and of a selection that are functions of the Python program that
            trains, and are known in that process alone.
        plugin_files: Plugins that are single files; absolute.
    """

    settings: Mapping[str, Any]
    language: str | None = None
    labels: tuple[str, ...] = ()
    corpus: Iterable[AudioSample] = ()
    given: tuple[str, ...] = ()
    plugin_files: tuple[Path, ...] = ()


class Workplace(Protocol):
    """Where an order is carried out: the same parts as the run has that the order is of.

    `audioforge.run.workplace.RunWorkplace` makes them from an outline.
    """

    @property
    def processes(self) -> Processes:
        """The processes there that work together; one where each works by itself."""

    @property
    def reporter(self) -> Reporter:
        """What hears how far the work is."""

    @property
    def cache(self) -> ClipCache:
        """What keeps there what need be computed of a clip only once."""

    @property
    def run(self) -> Run:
        """The run, without its data."""

    @property
    def adapter(self) -> ModelAdapter:
        """The model, with the weights that the order is to be carried out with."""


class Order(ABC, Generic[Job]):
    """A job as another process can be told of it: plain values that can be pickled."""

    @abstractmethod
    def at(self, place: Workplace) -> Job:
        """Return the job, to be done there."""


class Step(ABC):
    """A part of the work on a batch, which takes up what the part before it came to."""

    @abstractmethod
    def do(self, given: Any) -> Any:
        """Do the part for one batch.

        Args:
            given: What the part before came to, or the samples of the batch. Both travel.
        """


@frozen
class Halves(Generic[Result]):
    """A job in two parts, so that each can be done where what it needs is.

    Attributes:
        first: Needs the model; is given the samples of a batch.
        second: Needs no model; is given what the first came to, and comes to the result.
    """

    first: Order[Step]
    second: Order[Step]


class BatchJob(ABC, Generic[Result]):
    """Work that every process with the same model does alike, batch by batch.

    The engine's own are `audioforge.run.rollout_job.RolloutJob`,
    `audioforge.measuring.evaluator.EvaluationJob` and `audioforge.inference.hearing.HearingJob`.

    Attributes:
        adapter: The model, whose weights an executor that sends work elsewhere sends along.
    """

    adapter: ModelAdapter

    @property
    @abstractmethod
    def what(self) -> str:
        """What is done, in the words of the progress bar."""

    @property
    @abstractmethod
    def reporter(self) -> Reporter:
        """Where to tell how far it is, for whoever has others do it: `do` tells it by itself."""

    @property
    @abstractmethod
    def outline(self) -> Outline:
        """The run that the job is of, for other processes."""

    @abstractmethod
    def order(self) -> Order[BatchJob[Result]]:
        """Return the job for other processes."""

    def halves(self) -> Halves[Result] | None:
        """Return the job in two parts; None where it cannot be divided."""
        return None

    def check_stop(self) -> None:
        """Stop here if somebody asked to, for whoever waits long for others and has nothing yet.

        Raises:
            Interrupted: If somebody did.
        """

    @abstractmethod
    def do(self, batches: Batches) -> Iterator[Result]:
        """Do batches in this process, and yield what comes of each.

        Args:
            batches: The batches that fall to this process. A batch goes to the model as it is: its
                padding is part of what comes out.
        """


class WholeJob(ABC):
    """Work that is done by all processes together: `audioforge.raft.update.UpdateJob`.

    Where other processes do it, each of them calls `recall` before `do`, and this one afterwards.
    """

    @property
    @abstractmethod
    def what(self) -> str:
        """What is done, in the words of the progress bar."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many steps there are to do, for whoever shows how far others are with them."""

    @property
    @abstractmethod
    def run(self) -> Run:
        """The run that the job is of."""

    @property
    @abstractmethod
    def outline(self) -> Outline:
        """The same run, for other processes."""

    @abstractmethod
    def order(self) -> Order[WholeJob]:
        """Return the job for other processes."""

    @abstractmethod
    def recall(self) -> None:
        """Take over what is done of it, from the run folder.

        Raises:
            TrainingError: If what is there is damaged.
        """

    @abstractmethod
    def do(self) -> None:
        """Do this process' part, side by side with the others."""


@frozen
class Check:
    """What one look found, as `audioforge doctor` tells it.

    Attributes:
        name: What was looked at, such as "torch" or a node.
        status: "broken" makes the command exit with 1.
        detail: What was found.
        mend: What to do; empty when all is well.
    """

    name: str
    status: Literal["ok", "warning", "broken"]
    detail: str
    mend: str = ""


class Executor(ABC):
    """Who does the work of a run: the loop says what, and writes down what comes back.

    The loop runs in every one of `processes`. What is yielded is written down by the process that
    it is yielded in; together they yield each batch once, in any order.
    """

    @abstractmethod
    def join(self, device: str, dtype: str) -> None:
        """Join the processes that run the loop. Called once, before anything else.

        Args:
            device: "auto", "cpu", "cuda" or "mps", of whoever does the work.
            dtype: "float32", "bfloat16", or "auto" for what that device computes fastest without
                loss; `processes` knows which it is from then on.

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

    def examine(self, folder: Path | None) -> Iterator[Check]:
        """Look at whoever would do the work: `audioforge doctor --executor NAME`.

        Called in the place of `join`; what it takes it lets go of. An executor that is no more than
        this process has nothing to say.

        Args:
            folder: Where runs are to write, which all must see; None to leave that out.
        """
        return iter(())
