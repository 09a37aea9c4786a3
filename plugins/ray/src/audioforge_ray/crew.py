"""The workers on a Ray cluster, as the pool deals with them.

Each does a batch as a whole, or samples it and leaves it to others to score; then what it sampled
goes from worker to worker, and never through the run's own process.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
from attrs import evolve, frozen
from ray import ObjectRef
from ray.exceptions import RayError, TaskCancelledError

from audioforge.errors import TrainingError, describe
from audioforge.sample import AudioSample
from audioforge_ray.events import Back, Done, Event, Gone, Here
from audioforge_ray.group import ASK_AGAIN_SECONDS, Check, Group
from audioforge_ray.worker import Answer, Errand, Sought

PATIENCE_SECONDS = 300
"""For those who score, where there is none."""


@frozen(kw_only=True)
class _Task:
    """A batch that somebody was given.

    Attributes:
        worker: Who does it or samples it, and has it until it is done.
        number: Its number.
        batch: Its samples.
        errand: What is done.
        drawn: What was sampled of it, where others score it.
        scorer: Who scores it; None until it is sampled.
        seconds: How long it took to sample.
    """

    worker: int
    number: int
    batch: Sequence[AudioSample]
    errand: Errand
    drawn: ObjectRef[bytes] | None = None
    scorer: int | None = None
    seconds: float = 0.0


class RayCrew:
    """Workers that do batches, and those that score what they sampled.

    Args:
        workers: Who does batches.
        scorers: Who scores; None where everybody scores what he sampled.
        tell: Hears warnings.
    """

    def __init__(self, workers: Group, scorers: Group | None, tell: Callable[[str], None]) -> None:
        """Nothing is to be done yet."""
        self._workers, self._scorers, self._tell = workers, scorers, tell
        self._tasks: dict[ObjectRef[Any], _Task] = {}
        self._unscored: list[_Task] = []
        self._errand: Errand | None = None
        self._sought = Sought()
        self._check: Check = lambda facts: None
        self._scorers_seen = time.monotonic()

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
        """Ask for a batch that the worker may not have begun."""
        for ref, task in list(self._tasks.items()):
            if (task.worker, task.number, task.scorer) == (worker, number, None):
                ray.cancel(ref)

    def end(self, worker: int) -> None:
        """Have a worker start anew."""
        self._workers.end(worker)

    def close(self) -> None:
        """End the workers, and with them what they take up."""
        for group in self._groups:
            group.close()
        self._tasks.clear()

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what happened, waiting so long for something to happen.

        Raises:
            AudioForgeError: What a worker's batch failed with, or why the workers are refused.
        """
        for group in self._groups:
            group.look(self._sought)
        events: list[Event] = []
        for ref in self._answered(seconds):
            events.extend(self._read(ref))
        events.extend(Here(*arrived) for arrived in self._workers.arrived(self._check))
        if self._scorers is not None:
            self._scorers.arrived(self._check)
            self._have_scored(self._scorers)
        return events

    @property
    def _groups(self) -> list[Group]:
        return [self._workers] if self._scorers is None else [self._workers, self._scorers]

    def _answered(self, seconds: float) -> list[ObjectRef[Any]]:
        """Return everything that is answered by now, or what is answered first."""
        awaited = [*self._tasks, *(ref for group in self._groups for ref in group.asked)]
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
        if task is None:  # of a worker that says what it is, or was lost meanwhile
            yield from self._read_facts(ref)
            return
        try:
            answer: Answer = ray.get(ref)
        except TaskCancelledError:
            yield Back(task.worker, task.number)
            return
        except RayError as error:
            yield from self._lost(task, error)
            return
        for warning in answer.warnings:
            self._tell(warning)
        if answer.failure is not None and answer.failure.is_final:
            raise answer.failure.error()
        if answer.failure is not None:  # it may be the machine: whoever had it starts anew
            yield from self._failed(task, answer.failure.text)
        elif task.drawn is not None and task.scorer is None:
            self._unscored.append(evolve(task, seconds=answer.seconds))
        else:
            seconds = task.seconds or answer.seconds
            yield Done(task.worker, task.number, answer.results, seconds)

    def _read_facts(self, ref: ObjectRef[Any]) -> Iterator[Event]:
        for group in self._groups:
            if ref in group.asked:
                lost = group.hear(ref)
                if lost is not None and group is self._workers:
                    yield Gone(*lost)
                return

    def _failed(self, task: _Task, why: str) -> Iterator[Event]:
        """Have whoever a batch failed with start anew."""
        if task.scorer is None:
            self._workers.end(task.worker)
        elif self._scorers is not None:
            self._scorers.end(task.scorer)
        yield from self._gone(task, why, None)

    def _lost(self, task: _Task, error: RayError) -> Iterator[Event]:
        yield from self._gone(task, describe(error), error)

    def _gone(self, task: _Task, why: str, error: RayError | None) -> Iterator[Event]:
        """Yield that whoever had a batch is lost, with all that it had."""
        if task.scorer is None:
            self._tasks = {
                ref: other
                for ref, other in self._tasks.items()
                if other.scorer is not None or other.worker != task.worker
            }
            is_there = self._workers.lose(task.worker, error)
            yield Gone(task.worker, why, task.number if is_there else None)
            return
        assert self._scorers is not None, "who scores is a scorer"
        is_there = self._scorers.lose(task.scorer, error)
        yield Back(task.worker, task.number, why if is_there else None)
        lost = {ref for ref, other in self._tasks.items() if other.scorer == task.scorer}
        for other in (self._tasks.pop(ref) for ref in lost):
            yield Back(other.worker, other.number)

    def _have_scored(self, scorers: Group) -> None:
        """Give what was sampled to those scorers that have least to do.

        Raises:
            TrainingError: If there was none for too long.
        """
        here = scorers.here
        if here or not self._unscored:
            self._scorers_seen = time.monotonic()
        elif time.monotonic() - self._scorers_seen > PATIENCE_SECONDS:
            raise TrainingError(
                f"no verifier worker was there for {PATIENCE_SECONDS} s. Start nodes that have a "
                f"CPU for each, or leave verifier_workers of --executor out, and go on."
            )
        busy = Counter(task.scorer for task in self._tasks.values())
        while here and self._unscored:
            task = self._unscored.pop(0)
            scorer = min(here, key=lambda number: busy[number])
            busy[scorer] += 1
            actor = scorers.actor(scorer)
            scored: ObjectRef[Answer] = actor.score.remote(task.errand, task.batch, task.drawn)
            self._tasks[scored] = evolve(task, scorer=scorer)
