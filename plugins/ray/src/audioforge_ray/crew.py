"""The workers on a Ray cluster, as the pool deals with them.

Each does a batch as a whole, or samples it and leaves it to others to score; then what it sampled
goes from worker to worker, and never through the run's own process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
from attrs import evolve, frozen
from ray import ObjectRef
from ray.exceptions import RayError, TaskCancelledError

from audioforge.errors import describe
from audioforge.sample import AudioSample
from audioforge_ray.events import Back, Done, Event, Failed, Gone, Here, Sampled
from audioforge_ray.group import ASK_AGAIN_SECONDS, Check, Group
from audioforge_ray.scoring import Drawn, Scoring
from audioforge_ray.worker import Answer, Errand, Sought


@frozen(kw_only=True)
class _Task:
    """A batch that a worker was given.

    Attributes:
        worker: Who does it, or samples it for others to score.
        number: Its number.
        batch: Its samples.
        errand: What is done.
        drawn: What is sampled of it, where others score it.
    """

    worker: int
    number: int
    batch: Sequence[AudioSample]
    errand: Errand
    drawn: ObjectRef[bytes] | None = None


class RayCrew:
    """Workers that do batches, and those that score what they sampled.

    Args:
        workers: Who does batches.
        scoring: Those who score; None where everybody scores what he sampled.
        tell: Hears warnings.
    """

    def __init__(
        self, workers: Group, scoring: Scoring | None, tell: Callable[[str], None]
    ) -> None:
        """Nothing is to be done yet."""
        self._workers, self._scoring, self._tell = workers, scoring, tell
        self._tasks: dict[ObjectRef[Any], _Task] = {}
        self._events: list[Event] = []  # that nobody has heard of yet
        self._errand: Errand | None = None
        self._sought = Sought()
        self._check: Check = lambda facts: None

    @property
    def lacks_scorers(self) -> bool:
        """Whether something waits to be scored, and nobody is there who scores."""
        return self._scoring is not None and self._scoring.is_alone

    def prepare(self, errand: Errand, sought: Sought, check: Check) -> None:
        """Say what batches are done by from now on.

        Args:
            errand: What is done.
            sought: Files that workers must see.
            check: Refuses workers by what they are, the first ones together.
        """
        self._errand, self._sought, self._check = errand, sought, check

    def give(self, worker: int, number: int, batch: Sequence[AudioSample]) -> None:
        """Have a worker do a batch, after those that it has."""
        errand = self._errand
        assert errand is not None, "prepare() comes first"
        actor = self._workers.actor(worker)
        task = _Task(worker=worker, number=number, batch=batch, errand=errand)
        answer: ObjectRef[Answer]
        if errand.scoring is None:
            answer = actor.do.remote(errand, batch)
        else:
            two: Any = actor.sample.options(num_returns=2)
            answer, drawn = two.remote(errand, batch)
            task = evolve(task, drawn=drawn)
        self._tasks[answer] = task

    def take_back(self, worker: int, number: int) -> None:
        """Ask for a batch that is not under way."""
        for ref, task in list(self._tasks.items()):
            if (task.worker, task.number) == (worker, number):
                ray.cancel(ref)
        if self._scoring is not None:
            self._events.extend(self._scoring.take_back(worker, number))

    def end(self, worker: int) -> None:
        """Have a worker start anew."""
        self._workers.end(worker)

    def close(self) -> None:
        """End the workers, and with them what they take up."""
        self._workers.close()
        if self._scoring is not None:
            self._scoring.close()
        self._tasks.clear()

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what happened, waiting so long for something to happen.

        Raises:
            AudioForgeError: Why the workers are refused.
        """
        scoring = self._scoring
        self._workers.look(self._sought)
        if scoring is not None:
            scoring.look(self._sought)
        for ref in self._answered(0.0 if self._events else seconds):
            self._events.extend(self._read(ref))
        self._events.extend(Here(*arrived) for arrived in self._workers.arrived(self._check))
        if scoring is not None:
            scoring.hand_out(self._check)
        events, self._events = self._events, []
        return events

    @property
    def _groups(self) -> list[Group]:
        return [self._workers, *([] if self._scoring is None else [self._scoring.group])]

    def _answered(self, seconds: float) -> list[ObjectRef[Any]]:
        """Return everything that is answered by now, or what is answered first."""
        scored = [] if self._scoring is None else self._scoring.asked
        facts = (ref for group in self._groups for ref in group.asked)
        awaited = [*self._tasks, *scored, *facts]
        if not awaited:  # everybody is to be asked again, in a while
            time.sleep(min(seconds, ASK_AGAIN_SECONDS / 2))
            return []
        first, _ = ray.wait(awaited, timeout=seconds)
        if not first:
            return []
        answered, _ = ray.wait(awaited, num_returns=len(awaited), timeout=0)
        return answered

    def _read(self, ref: ObjectRef[Any]) -> Iterator[Event]:
        """Yield what an answer means."""
        task = self._tasks.pop(ref, None)
        if task is not None:
            yield from self._read_answer(task, ref)
        elif self._scoring is not None and ref in self._scoring.asked:
            yield from self._scoring.hear(ref)
        else:  # of a worker that says what it is, or was lost meanwhile
            yield from self._read_facts(ref)

    def _read_answer(self, task: _Task, ref: ObjectRef[Any]) -> Iterator[Event]:
        worker, number = task.worker, task.number
        try:
            answer: Answer = ray.get(ref)
        except TaskCancelledError:
            yield Back(worker, number)
            return
        except RayError as error:
            yield self._gone(task, describe(error), error)
            return
        for warning in answer.warnings:
            self._tell(warning)
        if answer.failure is not None and answer.failure.is_final:
            yield Failed(worker, number, answer.failure.error())
        elif answer.failure is not None:  # it may be the machine: the worker starts anew
            self._workers.end(worker)
            yield self._gone(task, answer.failure.text, None)
        elif task.drawn is None or self._scoring is None:
            yield Done(worker, number, answer.results, answer.seconds)
        else:
            self._scoring.take(
                Drawn(
                    worker=worker,
                    number=number,
                    batch=task.batch,
                    errand=task.errand,
                    drawn=task.drawn,
                    seconds=answer.seconds,
                )
            )
            yield Sampled(worker, number)

    def _read_facts(self, ref: ObjectRef[Any]) -> Iterator[Event]:
        for group in self._groups:
            if ref in group.asked:
                lost = group.hear(ref)
                if lost is not None and group is self._workers:
                    yield Gone(*lost)
                return

    def _gone(self, task: _Task, why: str, error: RayError | None) -> Gone:
        """Return that a worker is lost, with all that it had."""
        worker = task.worker
        self._tasks = {ref: other for ref, other in self._tasks.items() if other.worker != worker}
        if self._scoring is not None:
            self._scoring.forget(worker)
        is_there = self._workers.lose(worker, error)
        return Gone(worker, why, task.number if is_there else None)
