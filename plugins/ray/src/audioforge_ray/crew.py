"""The workers on a Ray cluster, as the pool deals with them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ray
from attrs import define, frozen
from ray import ObjectRef
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError, TaskCancelledError

from audioforge.errors import AudioForgeError, describe
from audioforge.sample import AudioSample
from audioforge_ray.options import RayOptions
from audioforge_ray.pool import Back, Done, Event, Gone, Here
from audioforge_ray.worker import Answer, Errand, Worker, WorkerFacts

if TYPE_CHECKING:
    from audioforge_ray.cluster import Cluster

ASK_AGAIN_SECONDS = 1.0
"""After a worker was lost: Ray starts it anew by itself."""
LOOK_AGAIN_SECONDS = 15.0
"""Between two looks for nodes that carry more workers."""
TOGETHER_SECONDS = 60.0
"""The first workers are waited for so long, so that they are checked together."""

Check = Callable[[Sequence[WorkerFacts]], None]


@frozen(kw_only=True)
class Setting:
    """How workers compute.

    Attributes:
        device: "auto", "cpu", "cuda" or "mps".
        dtype: "float32" or "bfloat16".
    """

    device: str
    dtype: str


@define(eq=False)
class _Member:
    """One worker."""

    actor: ActorHandle[Worker]
    node: str = ""  # Ray's id
    is_here: bool = False
    is_out: bool = False  # refused
    asked_at: float = 0.0  # when it was asked last what it is


@frozen
class _Pending:
    """What an answer is awaited for: a batch, or with None what the worker is."""

    worker: int
    number: int | None


class RayCrew:
    """Actors of a cluster: started, asked what they are, given batches, and taken back.

    Args:
        cluster: Where they are.
        options: How many, and what each takes up.
        setting: How they compute.
        tell: Hears warnings.
    """

    def __init__(
        self, cluster: Cluster, options: RayOptions, setting: Setting, tell: Callable[[str], None]
    ) -> None:
        """Start the workers; none is there yet."""
        self._cluster, self._options, self._setting, self._tell = cluster, options, setting, tell
        self._members: dict[int, _Member] = {}
        self._pending: dict[ObjectRef[Any], _Pending] = {}
        self._errand: Errand | None = None
        self._marker: Path | None = None
        self._check: Check | None = None
        self._started = self._looked_at = time.monotonic()
        self._came: list[tuple[int, WorkerFacts]] = []  # and are not checked yet
        self._is_checked = False
        self._grow()

    def prepare(self, errand: Errand, marker: Path | None, check: Check) -> None:
        """Say what batches are done by from now on.

        Args:
            errand: What is done.
            marker: A file in the run folder that workers look for, or None.
            check: Refuses workers by what they are, the first ones together.
        """
        self._errand, self._marker, self._check = errand, marker, check

    def give(self, worker: int, number: int, batch: Sequence[AudioSample]) -> None:
        """Have a worker do a batch, after those that it has."""
        ref: ObjectRef[Answer] = self._members[worker].actor.do.remote(self._errand, batch)
        self._pending[ref] = _Pending(worker, number)

    def take_back(self, worker: int, number: int) -> None:
        """Ask for a batch that the worker may not have begun."""
        asked = _Pending(worker, number)
        refs: list[ObjectRef[Any]] = [
            ref for ref, pending in self._pending.items() if pending == asked
        ]
        for ref in refs:
            ray.cancel(ref)

    def end(self, worker: int) -> None:
        """Have a worker start anew."""
        ray.kill(self._members[worker].actor, no_restart=False)

    def close(self) -> None:
        """End the workers, and with them what they take up."""
        for member in self._members.values():
            ray.kill(member.actor)
        self._members.clear()
        self._pending.clear()

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what happened, waiting so long for something to happen.

        Raises:
            AudioForgeError: What a worker's batch failed with, or why the workers are refused.
        """
        now = time.monotonic()
        if now - self._looked_at > LOOK_AGAIN_SECONDS:
            self._grow()
        for number, member in self._members.items():
            self._ask(number, member, now)
        events: list[Event] = []
        for ref in self._answered(seconds):
            events.extend(self._read(ref))
        events.extend(self._arrived())
        return events

    def _answered(self, seconds: float) -> list[ObjectRef[Any]]:
        """Return everything that is answered by now, or what is answered first."""
        awaited = list(self._pending)
        if not awaited:  # every worker is to be asked again, in a while
            time.sleep(min(seconds, ASK_AGAIN_SECONDS / 2))
            return []
        first, _ = ray.wait(awaited, timeout=seconds)
        if not first:
            return []
        answered, _ = ray.wait(awaited, num_returns=len(awaited), timeout=0)
        return answered

    def _grow(self) -> None:
        """Start as many workers as there are to be."""
        self._looked_at = time.monotonic()
        wanted = self._options.rollout_workers or self._carried()
        for number in range(len(self._members), wanted):
            self._members[number] = _Member(self._start())

    def _carried(self) -> int:
        """Return how many workers the nodes carry, and one at least."""
        asked = self._options
        count = 0
        for node in self._cluster.nodes():
            rooms = [
                math.floor(there / each)
                for there, each in (
                    (node.cpus, asked.cpus_per_worker),
                    (node.gpus, asked.gpus_per_worker),
                )
                if each
            ]
            count += min(rooms, default=1)
        return max(count, 1)

    def _start(self) -> ActorHandle[Worker]:
        asked, setting = self._options, self._setting
        kind = ray.remote(
            num_cpus=asked.cpus_per_worker,
            num_gpus=asked.gpus_per_worker,
            max_restarts=-1,
            max_task_retries=0,  # the pool gives batches again, and knows to whom
        )(Worker)
        threads = max(1, math.floor(asked.cpus_per_worker))
        actor = kind.remote(setting.device, setting.dtype, threads)
        return cast("ActorHandle[Worker]", actor)

    def _ask(self, number: int, member: _Member, now: float) -> None:
        """Ask a worker that is not there what it is: it answers when it is."""
        if member.is_here or member.is_out or now - member.asked_at < ASK_AGAIN_SECONDS:
            return
        if any(came == number for came, _ in self._came):
            return
        if any(pending == _Pending(number, None) for pending in self._pending.values()):
            return
        member.asked_at = now
        self._pending[member.actor.facts.remote(self._marker)] = _Pending(number, None)

    def _read(self, ref: ObjectRef[Any]) -> Iterator[Event]:
        """Yield what an answer means."""
        pending = self._pending.pop(ref, None)
        if pending is None:  # of a worker that was lost meanwhile
            return
        try:
            answer = ray.get(ref)
        except TaskCancelledError:
            assert pending.number is not None, "only batches are cancelled"
            yield Back(pending.worker, pending.number)
        except RayError as error:
            yield self._lost(pending.worker, error)
        else:
            yield from self._heard(pending, answer)

    def _heard(self, pending: _Pending, answer: Answer | WorkerFacts) -> Iterator[Event]:
        if isinstance(answer, WorkerFacts):
            self._came.append((pending.worker, answer))
            return
        if pending.number is None:
            assert answer.failure is not None, "a worker says what it is, or why it cannot"
            if not self._is_checked:
                raise answer.failure.error()
            self._leave_out(pending.worker, answer.failure.error())
            return
        for warning in answer.warnings:
            self._tell(warning)
        if answer.failure is None:
            yield Done(pending.worker, pending.number, answer.results, answer.seconds)
        elif answer.failure.is_final:
            raise answer.failure.error()
        else:  # it may be its machine: the batch is given to another, the worker starts anew
            self.end(pending.worker)
            self._forget(pending.worker)
            yield Gone(pending.worker, answer.failure.text)

    def _lost(self, number: int, error: RayError) -> Gone:
        """Take note that a worker is lost; Ray starts it anew."""
        member = self._members[number]
        self._forget(number)
        if isinstance(error, ActorDiedError):  # it is given up
            member.actor = self._start()
        alive = {node.id for node in self._cluster.nodes()}
        return Gone(number, describe(error), blames_batch=member.node in alive)

    def _forget(self, number: int) -> None:
        """Wait for nothing any more that a worker was asked for."""
        self._pending = {ref: p for ref, p in self._pending.items() if p.worker != number}
        self._came = [(came, facts) for came, facts in self._came if came != number]
        self._members[number].is_here = False
        self._members[number].asked_at = time.monotonic()

    def _arrived(self) -> Sequence[Event]:
        """Return which workers can be given batches now.

        The first ones are checked together, before any has work; who comes later and does not fit
        is left out.

        Raises:
            AudioForgeError: If one of the first is refused.
        """
        assert self._check is not None, "prepare() comes first"
        came = self._came
        if not self._is_checked:
            waits = time.monotonic() - self._started < TOGETHER_SECONDS
            if not came or (len(came) < min(len(self._members), self._carried()) and waits):
                return []
            self._check([facts for _, facts in came])
            self._is_checked = True
        self._came = []
        return [here for number, facts in came for here in self._admit(number, facts)]

    def _admit(self, number: int, facts: WorkerFacts) -> Iterator[Here]:
        """Yield that a worker is there, unless it is refused."""
        assert self._check is not None, "prepare() comes first"
        try:
            self._check([facts])
        except AudioForgeError as error:
            self._leave_out(number, error)
            return
        member = self._members[number]
        member.is_here, member.node = True, facts.node
        yield Here(number, self._name(facts))

    def _leave_out(self, number: int, error: Exception) -> None:
        self._tell(f"a worker is left out: {error}")
        self._forget(number)
        self._members[number].is_out = True
        ray.kill(self._members[number].actor)

    def _name(self, facts: WorkerFacts) -> str:
        """Return a node's name for people: its host, with Ray's id where that has several nodes."""
        hosts = [node.host for node in self._cluster.nodes()]
        return facts.host if hosts.count(facts.host) < 2 else f"{facts.host}-{facts.node[:6]}"
