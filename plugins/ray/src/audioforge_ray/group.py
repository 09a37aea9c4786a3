"""Actors of one kind on a cluster: started, asked what they are, checked, started anew."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import ray
from attrs import define, frozen
from ray import ObjectRef
from ray._private.state import actors
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError

from audioforge.errors import AudioForgeError, UsageError, describe
from audioforge_ray.worker import Answer, Sought, Worker, WorkerFacts

if TYPE_CHECKING:
    from audioforge_ray.cluster import Cluster
    from audioforge_ray.placement import Node

ASK_AGAIN_SECONDS = 1.0
"""After a worker was lost: Ray starts it anew by itself."""
LOOK_AGAIN_SECONDS = 15.0
"""Between two looks for nodes that carry more workers."""
TOGETHER_SECONDS = 20.0
"""The others are waited for so long after the first one, so that they are checked together."""

Check = Callable[[Sequence[WorkerFacts]], None]
"""Refuses workers by what they are."""


@frozen(kw_only=True)
class Post:
    """What the workers of a group are, and how many.

    Attributes:
        device: "cpu", "cuda" or "mps".
        dtype: "float32" or "bfloat16".
        cpus: CPU cores that each takes up.
        gpus: GPUs that each takes up.
        count: How many there are to be; None for as many as nodes carry.
        beside: CPU cores that other workers take up.
    """

    device: str
    dtype: str
    cpus: float
    gpus: float = 0.0
    count: int | None = None
    beside: float = 0.0

    def start(self, refused: Collection[str]) -> ActorHandle[Worker]:
        """Start one; it is there when the cluster has room for it.

        Args:
            refused: Nodes on which it is not to be, by Ray's ids.
        """
        elsewhere = {"ray.io/node-id": f"!in({','.join(sorted(refused))})"} if refused else {}
        kind = ray.remote(
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            label_selector=elsewhere,
            scheduling_strategy="SPREAD",  # else Ray fills one node after the other
            max_restarts=-1,
            max_task_retries=0,  # the pool gives batches again, and knows to whom
        )(Worker)
        actor = kind.remote(self.device, self.dtype, max(1, math.floor(self.cpus)))
        return cast("ActorHandle[Worker]", actor)

    def carried_by(self, nodes: Iterable[Node]) -> int:
        """Return how many nodes carry; one at least."""
        room = sum(node.carries(self.cpus, self.gpus) for node in nodes)
        taken = 0 if self.gpus or not self.cpus else math.ceil(self.beside / self.cpus)
        return max(1, room - taken)


@define(eq=False)
class _Member:
    """One worker."""

    actor: ActorHandle[Worker]
    node: str = ""  # Ray's id
    name: str = ""  # of the node, for people
    is_here: bool = False
    is_out: bool = False  # refused
    asked_at: float = 0.0


class Group:
    """The workers of one kind, by number.

    Args:
        cluster: Where they are.
        post: What they are.
        tell: Hears warnings.
    """

    def __init__(self, cluster: Cluster, post: Post, tell: Callable[[str], None]) -> None:
        """Start the workers; none is there yet."""
        self._cluster, self._post, self._tell = cluster, post, tell
        self._members: dict[int, _Member] = {}
        self._refused: set[str] = set()  # nodes, by Ray's ids
        self._asked: dict[ObjectRef[Any], int] = {}  # what they are
        self._came: list[tuple[int, WorkerFacts]] = []  # and are not checked yet
        self._is_checked = False
        self._first_came = self._looked_at = time.monotonic()
        self._grow()

    @property
    def asked(self) -> Iterable[ObjectRef[Any]]:
        """What answers are awaited for, to be handed to `hear`."""
        return self._asked.keys()

    @property
    def here(self) -> list[int]:
        """The workers that are there."""
        return [number for number, member in self._members.items() if member.is_here]

    def actor(self, number: int) -> ActorHandle[Worker]:
        """Return a worker."""
        return self._members[number].actor

    def node_of(self, number: int) -> str:
        """Return the name of the node that a worker is on."""
        return self._members[number].name

    def look(self, sought: Sought) -> None:
        """Look after those that are not there: each answers when it is.

        Args:
            sought: Files that they must see.
        """
        now = time.monotonic()
        if now - self._looked_at > LOOK_AGAIN_SECONDS:
            self._grow()
        busy = {*self._asked.values(), *(number for number, _ in self._came)}
        for number, member in self._members.items():
            is_due = now - member.asked_at > ASK_AGAIN_SECONDS
            if is_due and not (member.is_here or member.is_out or number in busy):
                member.asked_at = now
                self._asked[member.actor.facts.remote(sought)] = number

    def hear(self, ref: ObjectRef[Any]) -> tuple[int, str] | None:
        """Take an answer in.

        Args:
            ref: One of `asked`.

        Returns:
            Who was lost instead, and why.

        Raises:
            AudioForgeError: If one of the first cannot work, saying why.
        """
        number = self._asked.pop(ref, None)
        if number is None:  # of a worker that was lost meanwhile
            return None
        try:
            answer: WorkerFacts | Answer = ray.get(ref)
        except RayError as error:
            if isinstance(error, ActorDiedError) and error.actor_init_failed:
                self._refuse(number, *self._cannot_start(error))
                return None
            self.lose(number, error)
            return number, describe(error)
        if isinstance(answer, WorkerFacts):
            if not self._came:
                self._first_came = time.monotonic()
            self._came.append((number, answer))
            return None
        assert answer.failure is not None, "a worker says what it is, or why it cannot"
        at_it = self._found(self._members[number].actor._actor_id.hex())
        self._refuse(number, answer.failure.error(), {node.id for node in at_it})
        return None

    def arrived(self, check: Check) -> list[tuple[int, str]]:
        """Return who can be given work now, and on which node.

        The first ones are checked together, before any has work; who comes later and does not fit
        is left out.

        Raises:
            AudioForgeError: If one of the first is refused.
        """
        came = self._came
        if not self._is_checked:
            waits = time.monotonic() - self._first_came < TOGETHER_SECONDS
            expected = min(len(self._members), self._carried())
            if not came or (len(came) < expected and waits):
                return []
            check([facts for _, facts in came])
            self._is_checked = True
        self._came = []
        return [arrived for one in came for arrived in self._admit(*one, check)]

    def lose(self, number: int, error: RayError | None = None) -> bool:
        """Take note that a worker is lost; Ray starts it anew.

        Returns:
            Whether its node is still there.
        """
        self._forget(number)
        member = self._members[number]
        if isinstance(error, ActorDiedError):  # Ray has given it up
            member.actor = self._post.start(self._refused)
        return member.node in {node.id for node in self._cluster.nodes()}

    def end(self, number: int) -> None:
        """Have a worker start anew, which is lost by that."""
        ray.kill(self._members[number].actor, no_restart=False)

    def close(self) -> None:
        """End the workers, and with them what they take up."""
        for member in self._members.values():
            ray.kill(member.actor)
        self._members.clear()
        self._asked.clear()

    def _grow(self) -> None:
        """Start as many as there are to be; for who is left out another one elsewhere."""
        self._looked_at = time.monotonic()
        wanted = self._post.count or self._carried()
        there = sum(not member.is_out for member in self._members.values())
        for number in range(len(self._members), len(self._members) + wanted - there):
            self._members[number] = _Member(self._post.start(self._refused))

    def _carried(self) -> int:
        """Return how many are carried by the nodes that are there now."""
        return self._post.carried_by(
            node for node in self._cluster.nodes() if node.id not in self._refused
        )

    def _admit(self, number: int, facts: WorkerFacts, check: Check) -> list[tuple[int, str]]:
        """Return a worker that is there, and its node; nothing where it is refused."""
        try:
            check([facts])
        except AudioForgeError as error:
            self._refuse(number, error, {facts.node})
            return []
        member = self._members[number]
        member.is_here, member.node, member.name = True, facts.node, self._name(facts)
        return [(number, member.name)]

    def _cannot_start(self, error: ActorDiedError) -> tuple[AudioForgeError, set[str]]:
        """Return why there is no worker on a node, and the node where Ray says so."""
        found = self._found(error.actor_id)
        where = found[0].host if found else "a node"
        why = str(error).strip().splitlines()[-1].strip()
        refusal = UsageError(
            f"{where} cannot start a worker: {why}. Install there what is installed here, "
            f"audioforge-ray too (constraints.txt says which), or take the node out of the cluster."
        )
        return refusal, {node.id for node in found}

    def _found(self, actor_id: str) -> list[Node]:
        """Return the node that a worker is on, or was; nothing where that is not known."""
        told: dict[str, Any] = actors(actor_id)  # Ray has no public way without a dashboard
        return [n for n in self._cluster.nodes() if n.id == told.get("Address", {}).get("NodeID")]

    def _refuse(self, number: int, error: Exception, nodes: set[str]) -> None:
        """Leave a worker out, and start another one elsewhere.

        Args:
            number: The worker.
            error: Why.
            nodes: Where no other one is to be, by Ray's ids.

        Raises:
            AudioForgeError: The error, if no worker was there before: then all are to be the same.
        """
        if not self._is_checked:
            raise error
        self._tell(f"a worker is left out: {error}")
        self._forget(number)
        self._members[number].is_out = True
        ray.kill(self._members[number].actor)
        self._refused |= nodes
        if nodes:
            self._grow()

    def _forget(self, number: int) -> None:
        self._asked = {ref: asked for ref, asked in self._asked.items() if asked != number}
        self._came = [(came, facts) for came, facts in self._came if came != number]
        self._members[number].is_here = False
        self._members[number].asked_at = time.monotonic()

    def _name(self, facts: WorkerFacts) -> str:
        """Return a node's name for people: its host, with Ray's id where that has several nodes."""
        hosts = [node.host for node in self._cluster.nodes()]
        return facts.host if hosts.count(facts.host) < 2 else f"{facts.host}-{facts.node[:6]}"
