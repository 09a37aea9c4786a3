"""A process on some node that samples, scores and measures: what Ray makes actors of.

It keeps no state that matters: what it is asked to do says where everything is that it needs, and
what it holds of that already it does not fetch again. Methods run in the main thread of their
process, one after the other, so that a verifier's time limit is kept there as everywhere.
"""

from __future__ import annotations

import socket
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
import torch
from attrs import evolve, frozen
from ray import ObjectRef
from ray.util.metrics import Counter

from audioforge.errors import AudioForgeError, PluginWarning
from audioforge.executor import BatchJob, Order, Step
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.processes import Processes
from audioforge.isolation.time_limit import end_stuck_process
from audioforge.run.workplace import RunWorkplace, Weights
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter
from audioforge_ray.agreement import versions_here
from audioforge_ray.failure import Failure
from audioforge_ray.needed_paths import Needed, problems
from audioforge_ray.packing import packed, unpacked
from audioforge_ray.travel import Brief


@frozen(kw_only=True)
class Sought:
    """Files that a worker must see.

    Attributes:
        marker: The one that the run wrote into its folder, or None.
        needed: What settings name, and how it looks to the driver.
    """

    marker: Path | None = None
    needed: tuple[Needed, ...] = ()


@frozen(kw_only=True)
class WorkerFacts:
    """What a worker is, for the run to tell whether it can do the same as the others.

    Attributes:
        node: Ray's id of its node.
        host: The name of the machine.
        versions: Versions of what is installed, by distribution.
        device: Where models are there: "cpu", "cuda:0".
        dtype: The precision that it computes in.
        sees: Whether the file is there that the run wrote into its folder.
        problems: What else is not there, or other than the driver sees it; with the host.
    """

    node: str
    host: str
    versions: Mapping[str, str | None]
    device: str
    dtype: str
    sees: bool
    problems: tuple[str, ...] = ()

    @classmethod
    def here(cls, processes: Processes, sought: Sought) -> WorkerFacts:
        """Return what the worker is that this process is.

        Args:
            processes: Those that work together here.
            sought: Files that it must see.
        """
        host, marker = socket.gethostname(), sought.marker
        return cls(
            node=ray.get_runtime_context().get_node_id(),
            host=host,
            versions=versions_here(),
            device=str(processes.device),
            dtype=processes.dtype,
            sees=marker is None or marker.exists(),
            problems=tuple(problems(sought.needed, host)),
        )


@frozen(kw_only=True)
class Errand:
    """Where in the object store is what a stage's batches are done by.

    Attributes:
        brief: The run.
        order: What is done by whoever has the model.
        scoring: What others do then; None where it is done by then.
        weights: The weights as bytes, in an array that every process of a node reads in place.
        fingerprint: What the weights are.
    """

    brief: ObjectRef[Brief]
    order: ObjectRef[Order[BatchJob[Any]] | Order[Step]]
    scoring: ObjectRef[Order[Step]] | None
    weights: ObjectRef[np.ndarray[Any, Any]]
    fingerprint: str


@frozen(kw_only=True)
class Answer:
    """What a worker made of a batch.

    Attributes:
        results: The results, packed; see `audioforge_ray.packing`. None where it failed.
        failure: What failed, or None.
        seconds: How long it took, in seconds; without what is done once, such as loading the model.
        warnings: What was warned of meanwhile.
    """

    results: bytes | None = None
    failure: Failure | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


class _Warnings(Reporter):
    """Keeps warnings for the run."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self._heard: list[str] = []

    def warn(self, message: str) -> None:
        """Keep a warning."""
        self._heard.append(message)

    def take(self) -> tuple[str, ...]:
        """Return the warnings since the last time."""
        heard, self._heard = self._heard, []
        return tuple(heard)


class Worker:
    """Does batches in a process of its own.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        dtype: "float32" or "bfloat16".
        threads: CPU cores to compute on.
    """

    def __init__(self, device: str, dtype: str, threads: int) -> None:
        """Nothing is loaded yet."""
        end_stuck_process()
        torch.set_num_threads(threads)
        self._device, self._dtype = device, dtype
        self._executor = ProcessesExecutor()
        self._heard = _Warnings()
        self._place: tuple[str, RunWorkplace] | None = None
        self._order: tuple[str, Order[Any]] | None = None
        self._counts = {
            name: Counter(f"audioforge_{name}", what, tag_keys=("host",))
            for name, what in (
                ("clips", "Clips that were sampled or measured."),
                ("busy_seconds", "Seconds that rollout workers worked."),
                ("failed_batches", "Batches that failed."),
            )
        }

    def facts(self, sought: Sought) -> WorkerFacts | Answer:
        """Return what this worker is, or why it can do nothing.

        Args:
            sought: Files that it must see.
        """
        try:
            self._executor.join(self._device, self._dtype)
        except AudioForgeError as error:
            return Answer(failure=Failure.of(error, socket.gethostname()))
        return WorkerFacts.here(self._executor.processes, sought)

    def do(self, errand: Errand, batch: Sequence[AudioSample]) -> Answer:
        """Do a batch; what fails is told, not raised.

        Args:
            errand: What is done, and where what it takes is.
            batch: The samples.
        """
        return self._answer(batch, lambda: self._job(errand), lambda job: tuple(job.do([batch])))

    def sample(self, errand: Errand, batch: Sequence[AudioSample]) -> tuple[Answer, bytes | None]:
        """Sample a batch for others to score; return what came of it apart.

        Args:
            errand: What is done, and where what it takes is.
            batch: The samples.
        """
        answer = self._answer(batch, lambda: self._job(errand), lambda step: step.do(batch))
        return evolve(answer, results=None), answer.results

    def score(self, errand: Errand, batch: Sequence[AudioSample], drawn: bytes) -> Answer:
        """Score what another sampled.

        Args:
            errand: What is done, and where what it takes is.
            batch: The samples.
            drawn: What `sample` returned.
        """
        return self._answer(
            batch,
            lambda: self._scoring(errand),
            lambda step: (step.do(unpacked(drawn, batch)),),
        )

    def _answer(
        self,
        batch: Sequence[AudioSample],
        make: Callable[[], Any],
        do: Callable[[Any], Any],
    ) -> Answer:
        """Make ready what does a batch and do it, and tell what came of that."""
        answer = Answer()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PluginWarning)
            try:
                ready = make()
                started = time.perf_counter()
                results = packed(do(ready), batch)
                answer = Answer(results=results, seconds=time.perf_counter() - started)
            except BaseException as error:  # even sys.exit of foreign code: the run is to know
                answer = Answer(failure=Failure.of(error, socket.gethostname()))
        heard = (str(w.message) for w in caught if issubclass(w.category, PluginWarning))
        clips = 0 if answer.results is None else len(batch)
        self._count(clips=clips, busy_seconds=answer.seconds, failed_batches=float(not clips))
        return evolve(answer, warnings=(*self._heard.take(), *heard))

    def _job(self, errand: Errand) -> Any:
        """Return what does batches, with the weights that they are to be done with."""
        place, order = self._at(errand, errand.order)
        if place.holds != errand.fingerprint:
            content = ray.get(errand.weights).tobytes()
            place.hold(Weights(fingerprint=errand.fingerprint, content=content))
        return order.at(place)

    def _scoring(self, errand: Errand) -> Step:
        """Return what scores batches; no model is loaded."""
        assert errand.scoring is not None, "there is something to score"
        place, order = self._at(errand, errand.scoring)
        return cast("Step", order.at(place))

    def _at(self, errand: Errand, order: ObjectRef[Any]) -> tuple[RunWorkplace, Order[Any]]:
        """Return the workplace of a run and an order; what was asked for last is kept."""
        key = errand.brief.hex()
        if self._place is None or self._place[0] != key:
            self._place = None  # there may be room for one model only
            brief = ray.get(errand.brief)
            self._place = key, brief.workplace(self._executor, reporter=self._heard)
        if self._order is None or self._order[0] != order.hex():
            self._order = order.hex(), ray.get(order)
        return self._place[1], self._order[1]

    def _count(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            if amount:
                self._counts[name].inc(amount, {"host": socket.gethostname()})
