"""What workers sampled, on its way through those who score it: verifiers in processes of their own.

It goes from worker to worker, and never through the run's own process. Whoever scores has one
batch under way and one that is ready for it; the rest waits, and can be taken back.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
from attrs import define, field, frozen
from ray import ObjectRef
from ray.exceptions import RayError

from audioforge.errors import TrainingError, describe
from audioforge.sample import AudioSample
from audioforge_ray.events import Back, Done, Event, Failed, ScorerGone
from audioforge_ray.group import Check, Group
from audioforge_ray.pool import DURATIONS, HANGS, LEAST_SLOW_SECONDS, SLOW
from audioforge_ray.worker import Answer, Errand, Sought

PATIENCE_SECONDS = 300
"""For those who score, where there is none."""
SAYS_AFTER_SECONDS = 10
"""That it waits for them."""
AHEAD = 2
"""Batches that each of them has."""


@frozen(kw_only=True, eq=False)
class Drawn:
    """A batch that a worker sampled.

    Attributes:
        worker: Who sampled it, and has it until it is done.
        number: Its number.
        batch: Its samples.
        errand: What is done.
        drawn: What was sampled of it.
        seconds: How long that took.
    """

    worker: int
    number: int
    batch: Sequence[AudioSample]
    errand: Errand
    drawn: ObjectRef[bytes]
    seconds: float


@define(eq=False)
class _Task:
    """A batch that one of them was given."""

    of: Drawn
    scorer: int


@define(eq=False)
class Scoring:
    """Those who score, and what they have.

    Attributes:
        group: Who scores.
        tell: Hears warnings.
    """

    group: Group
    tell: Callable[[str], None]
    _waiting: list[Drawn] = field(factory=list, init=False)
    _open: set[Drawn] = field(factory=set, init=False)  # waits or is under way
    _tasks: dict[ObjectRef[Any], _Task] = field(factory=dict, init=False)
    _began: dict[int, float] = field(factory=dict, init=False)  # with the first of its tasks
    _durations: deque[float] = field(factory=lambda: deque(maxlen=DURATIONS), init=False)
    _seen_at: float = field(factory=time.monotonic, init=False)
    _told: bool = field(default=False, init=False)  # that there is none

    @property
    def asked(self) -> list[ObjectRef[Any]]:
        """What answers are awaited for, to be handed to `hear`."""
        return list(self._tasks)

    @property
    def is_alone(self) -> bool:
        """Whether something waits, and nobody is there to score it."""
        return bool(self._open) and not self.group.here

    def take(self, drawn: Drawn) -> None:
        """Have a batch wait to be scored."""
        self._waiting.append(drawn)
        self._open.add(drawn)

    def take_back(self, worker: int, number: int) -> Iterator[Event]:
        """Leave a batch if nobody has begun to score it; it is the worker's no more."""
        for drawn in [d for d in self._waiting if (d.worker, d.number) == (worker, number)]:
            self._close(drawn)
            yield Back(worker, number)

    def forget(self, worker: int) -> None:
        """Leave what a worker sampled that is lost."""
        for drawn in [drawn for drawn in self._open if drawn.worker == worker]:
            self._close(drawn)

    def clear(self) -> None:
        """Leave everything."""
        self._waiting.clear()
        self._open.clear()
        self._tasks.clear()

    def hand_out(self, check: Check) -> None:
        """Give what waits to those who have least to do, and to a second one what takes too long.

        Args:
            check: Refuses workers by what they are.

        Raises:
            TrainingError: If there was none for too long.
        """
        self.group.arrived(check)
        self._check_alone()
        loads = {scorer: len(self._of(scorer)) for scorer in self.group.here}
        while self._waiting and loads and min(loads.values()) < AHEAD:
            scorer = min(loads, key=loads.__getitem__)
            loads[scorer] += 1
            self._give(scorer, self._waiting.pop(0))
        for scorer in (scorer for scorer, load in loads.items() if not load):
            late = self._takes_long()
            if late is not None:
                self._give(scorer, late)
        self._end_stuck()

    def hear(self, ref: ObjectRef[Any]) -> Iterator[Event]:
        """Yield what an answer means.

        Args:
            ref: One of `asked`.
        """
        task = self._tasks.pop(ref)
        self._began[task.scorer] = time.monotonic()
        try:
            answer: Answer = ray.get(ref)
        except RayError as error:
            yield from self._lost(task, describe(error), error)
            return
        for warning in answer.warnings:
            self.tell(warning)
        self._durations.append(answer.seconds)
        own = task.of
        if answer.failure is not None and not answer.failure.is_final:
            self.group.end(task.scorer)
            yield from self._lost(task, answer.failure.text, None)
        elif own not in self._open:  # another was first, or nobody waits for it
            return
        elif answer.failure is not None:
            self._close(own)
            yield Failed(own.worker, own.number, answer.failure.error())
        else:
            self._close(own)
            on = self.group.node_of(task.scorer)
            yield Done(own.worker, own.number, answer.results, own.seconds, on, answer.seconds)

    def look(self, sought: Sought) -> None:
        """Look after those that are not there."""
        self.group.look(sought)

    def close(self) -> None:
        """End them, and with them what they take up."""
        self.group.close()
        self.clear()

    def _check_alone(self) -> None:
        """Wait for those who score where there is none, for some time; say so.

        Raises:
            TrainingError: If that was too long.
        """
        now = time.monotonic()
        if not self.is_alone:
            self._seen_at, self._told = now, False
        elif now - self._seen_at > PATIENCE_SECONDS:
            raise TrainingError(
                f"no verifier worker was there for {PATIENCE_SECONDS} s. Start nodes that have a "
                f"CPU for each, or leave verifier_workers of --executor out, and go on."
            )
        elif now - self._seen_at > SAYS_AFTER_SECONDS and not self._told:
            self._told = True
            self.tell(
                f"no verifier worker is there: waiting {PATIENCE_SECONDS} s for nodes that have a "
                f"CPU for each"
            )

    def _of(self, scorer: int) -> list[_Task]:
        return [task for task in self._tasks.values() if task.scorer == scorer]

    def _give(self, scorer: int, drawn: Drawn) -> None:
        if not self._of(scorer):
            self._began[scorer] = time.monotonic()
        actor = self.group.actor(scorer)
        scored: ObjectRef[Answer] = actor.score.remote(drawn.errand, drawn.batch, drawn.drawn)
        self._tasks[scored] = _Task(drawn, scorer)

    def _takes_long(self) -> Drawn | None:
        """Return what one alone has been busy with, or late for, much longer than is usual."""
        if not self._durations:
            return None
        limit = max(SLOW * statistics.median(self._durations), LEAST_SLOW_SECONDS)
        given = [task.of for task in self._tasks.values()]
        for scorer in sorted(self.group.here, key=lambda number: self._began.get(number, 0.0)):
            if time.monotonic() - self._began.get(scorer, 0.0) <= limit:
                continue
            for task in self._of(scorer):  # what is ready for it would wait as long
                if task.of in self._open and given.count(task.of) == 1:
                    return task.of
        return None

    def _end_stuck(self) -> None:
        """Have one start anew that does not come back, from what nobody waits for any more or ever.

        The first batch of all may take any time: nobody knows what is usual.
        """
        for scorer in self.group.here:
            busy = time.monotonic() - self._began.get(scorer, 0.0)
            is_vain = any(task.of not in self._open for task in self._of(scorer)[:1])
            hangs = HANGS * max(self._durations, default=math.inf)
            if self._of(scorer) and busy > max(PATIENCE_SECONDS, 0 if is_vain else hangs):
                self._began[scorer] = time.monotonic()
                self.group.end(scorer)

    def _lost(self, task: _Task, why: str, error: RayError | None) -> Iterator[Event]:
        """Yield that whoever scored is lost, with all that it had."""
        yield ScorerGone(self.group.node_of(task.scorer))
        is_there = self.group.lose(task.scorer, error)
        yield from self._back(task.of, why if is_there else None)
        lost = [ref for ref, other in self._tasks.items() if other.scorer == task.scorer]
        for other in [self._tasks.pop(ref) for ref in lost]:
            yield from self._back(other.of, None)

    def _back(self, drawn: Drawn, why: str | None) -> Iterator[Event]:
        if drawn in self._open and all(task.of is not drawn for task in self._tasks.values()):
            self._close(drawn)
            yield Back(drawn.worker, drawn.number, why)

    def _close(self, drawn: Drawn) -> None:
        self._open.discard(drawn)
        if drawn in self._waiting:
            self._waiting.remove(drawn)
