"""Who does which batch: workers that come, go and are slow, and each batch counted once.

Nothing here knows Ray: the pool gives batches to a crew and hears what becomes of them. Each
result depends on its batch alone, so that a batch may be given again, or to two workers at once:
the first answer is taken.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

from attrs import define, field, frozen

from audioforge.errors import TrainingError, listed
from audioforge.executor import Batches
from audioforge.sample import AudioSample
from audioforge_ray.account import NodeAccount
from audioforge_ray.events import Crew, Done, Event, Failed, Gone, Here, Sampled, ScorerGone
from audioforge_ray.waiting import Waiting

TICK_SECONDS = 1.0
SLOW = 4.0
"""So many times the usual duration, and a batch is given to a second worker that is free."""
LEAST_SLOW_SECONDS = 2.0
HANGS = 20.0
"""So many times the longest duration, and its worker starts anew, though no other is free."""
DURATIONS = 100
"""So many batches tell what is usual."""
CLIPS_NAMED = 8


@frozen(kw_only=True)
class Limits:
    """How much a pool puts up with.

    Attributes:
        ahead: Batches that a worker has at once: one that it does, and those that are ready for it
            or that others are to score.
        losses: How often one batch may end the worker that does it.
        patience: Seconds that it waits where no worker is there.
        says_after: Seconds after which it says that it waits.
    """

    ahead: int = 2
    losses: int = 3
    patience: float = 300.0
    says_after: float = 10.0


@define(eq=False)
class _Batch:
    """A batch that is not done."""

    samples: Sequence[AudioSample]
    with_workers: set[int] = field(factory=set)
    losses: int = 0


@define(eq=False)
class _Worker:
    """A worker that is there."""

    node: str
    given: list[int] = field(factory=list)  # in the order in which it does them
    sampled: list[int] = field(factory=list)  # and not scored yet
    began: float = 0.0  # when it could begin with the first it was given

    @property
    def load(self) -> int:
        """How many batches it has."""
        return len(self.given) + len(self.sampled)


class Pool:
    """Gives batches to a crew; lasts as long as the crew, over many stages.

    Args:
        crew: The workers.
        limits: How much it puts up with.
        tell: Hears, in a sentence, that it waits for workers.
        clock: Seconds.

    Attributes:
        accounts: What each node did of the latest stage, by its name.
    """

    def __init__(
        self,
        crew: Crew,
        limits: Limits,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody is there yet."""
        self._crew, self._limits, self._tell, self._clock = crew, limits, tell, clock
        self._workers: dict[int, _Worker] = {}
        self._batches: Batches = ()
        self._first = self._left = 0  # number of the first batch of the stage; how many are open
        self._open: dict[int, _Batch] = {}  # those that were given to somebody
        self._waiting: Waiting[int] = Waiting()
        self._durations: deque[float] = deque(maxlen=DURATIONS)
        self._events: deque[Event] = deque()  # that were not heard yet
        self._alone_since, self._told, self._why = 0.0, False, ""
        self.accounts: dict[str, NodeAccount] = {}

    def share(
        self, batches: Batches, check_stop: Callable[[], None] = lambda: None
    ) -> Generator[tuple[Sequence[AudioSample], Any]]:
        """Have batches done, and yield each with what came of it, in any order.

        Args:
            batches: The batches.
            check_stop: Raises what is to end the wait where no worker is there.

        Raises:
            TrainingError: If a batch ends its workers again and again, or no worker is left.
            Exception: What a batch failed with.
        """
        self._begin(batches)
        started = self._clock()
        try:
            while self._left:
                self._give_out()
                self._events.extend(self._crew.events(TICK_SECONDS))
                while self._events:  # kept: whoever stops early stops between two of them
                    done = self._hear(self._events.popleft())
                    if done is not None:
                        self._give_out()  # nobody waits while the result is written down
                        self._clock_accounts(started)
                        yield done
                self._check_alone(check_stop)
                self._end_stuck()
        finally:
            self._clock_accounts(started)
            self._open.clear()
            self._take_back_waiting()

    def _begin(self, batches: Batches) -> None:
        self._first += len(self._batches)  # numbers are not used twice: answers may come late
        self._batches, self._left = batches, len(batches)
        self._waiting, self._open, self.accounts = Waiting(), {}, {}
        self._durations.clear()
        for number, batch in enumerate(batches, self._first):
            self._waiting.add(number, batch[0].id)
        self._spread()
        self._alone_since, self._told = self._clock(), False

    def _spread(self) -> None:
        """Let the batches be at home on the nodes that are there now."""
        counts = Counter(worker.node for worker in self._workers.values())
        self._waiting.spread(counts)
        for node, count in counts.items():
            account = self._account(node)
            account.workers = max(account.workers, count)

    def _give_out(self) -> None:
        """Give what waits to whoever is free, then the next one to those who work."""
        for ahead in range(self._limits.ahead):
            # At the end nothing waits behind one worker while another has nothing to do.
            if ahead and len(self._waiting) <= len(self._workers):
                break
            for number, worker in self._workers.items():
                if len(worker.given) == ahead and worker.load < self._limits.ahead:
                    taken = self._waiting.take(worker.node)
                    if taken is not None:
                        self._give(number, taken)
        if not self._waiting:
            self._help_out()

    def _give(self, number: int, taken: int) -> None:
        worker = self._workers[number]
        batch = self._open.get(taken)
        if batch is None:
            batch = self._open[taken] = _Batch(self._batches[taken - self._first])
        if not worker.given:
            worker.began = self._clock()
        worker.given.append(taken)
        batch.with_workers.add(number)
        self._crew.give(number, taken, batch.samples)

    def _help_out(self) -> None:
        """Let who has nothing to do take over what waits behind others, and what takes too long."""
        idle = [n for n, w in self._workers.items() if not w.given and w.load < self._limits.ahead]
        for number in idle:
            helped = self._waits_behind() or self._takes_long()
            if helped is None:
                return
            self._give(number, helped)

    def _waits_behind(self) -> int | None:
        """Return a batch that its only worker has not begun; the worker is asked to leave it."""
        for number, worker in self._workers.items():
            for taken in worker.given[1:]:
                batch = self._open.get(taken)
                if batch is not None and len(batch.with_workers) == 1:
                    self._crew.take_back(number, taken)
                    return taken
        return None

    def _takes_long(self) -> int | None:
        """Return the batch that is under way longest, if that is much longer than is usual."""
        if not self._durations:
            return None
        limit = max(SLOW * statistics.median(self._durations), LEAST_SLOW_SECONDS)
        late = [
            (worker.began, worker.given[0])
            for worker in self._workers.values()
            if worker.given and self._has_one_worker(worker.given[0])
        ]
        began, taken = min(late, default=(self._clock(), -1))
        return taken if self._clock() - began > limit else None

    def _has_one_worker(self, taken: int) -> bool:
        batch = self._open.get(taken)
        return batch is not None and len(batch.with_workers) == 1

    def _hear(self, event: Event) -> tuple[Sequence[AudioSample], Any] | None:
        """Take note of what happened; return a batch that is done now, and what came of it."""
        if isinstance(event, Here):
            self._workers[event.worker] = _Worker(event.node)
            self._spread()
        elif isinstance(event, Gone):
            self._lose(event)
        elif isinstance(event, ScorerGone):
            self._account(event.node).failures += 1
        elif isinstance(event, Sampled):
            self._free_hands(event)
        elif self._drop(event.worker, event.number):
            if isinstance(event, Done):
                return self._take(event)
            if isinstance(event, Failed):
                if event.number in self._open:
                    raise event.error
                return None  # another has done it, or nobody waits for it
            self._let_wait(event.number)
            if event.why is not None:
                self._blame(event.number, self._workers[event.worker].node, event.why)
        return None

    def _drop(self, number: int, taken: int) -> bool:
        """Take a batch from a worker's list; say whether it was there."""
        worker = self._workers.get(number)
        if worker is None:
            return False
        if taken in worker.sampled:
            worker.sampled.remove(taken)
        elif not self._end_first(worker, taken):
            return False
        if taken in self._open:
            self._open[taken].with_workers.discard(number)
        return True

    def _free_hands(self, event: Sampled) -> None:
        """Let a worker go on while others score what it sampled."""
        worker = self._workers.get(event.worker)
        if worker is not None and self._end_first(worker, event.number):
            worker.sampled.append(event.number)

    def _end_first(self, worker: _Worker, taken: int) -> bool:
        """Take a batch from what a worker is to do; say whether it was there."""
        if taken not in worker.given:
            return False
        if worker.given[0] == taken:
            worker.began = self._clock()
        worker.given.remove(taken)
        return True

    def _let_wait(self, taken: int) -> None:
        """Have a batch wait again if nobody has it any more."""
        batch = self._open.get(taken)
        if batch is not None and not batch.with_workers:
            self._waiting.add_first(taken)

    def _take(self, done: Done) -> tuple[Sequence[AudioSample], Any] | None:
        account = self._account(self._workers[done.worker].node)
        account.seconds += done.seconds
        if done.scored_on is not None:
            self._account(done.scored_on).scoring_seconds += done.scoring_seconds
        batch = self._open.pop(done.number, None)
        if batch is None:
            account.repeated += 1
            return None
        self._left -= 1
        self._durations.append(done.seconds)
        account.batches += 1
        account.clips += len(batch.samples)
        for other in batch.with_workers:
            self._crew.take_back(other, done.number)
        return batch.samples, done.result

    def _lose(self, gone: Gone) -> None:
        """Take note that a worker is lost, and what it had with it."""
        worker, self._why = self._workers.pop(gone.worker, None), f" ({gone.why})"
        if worker is None:
            return
        self._account(worker.node).failures += 1
        if not self._workers:
            self._alone_since, self._told = self._clock(), False
        for taken in (*worker.given, *worker.sampled):
            if taken in self._open:
                self._open[taken].with_workers.discard(gone.worker)
                self._let_wait(taken)
        self._spread()
        if gone.number is not None:
            self._blame(gone.number, worker.node, gone.why)

    def _blame(self, taken: int, node: str, why: str) -> None:
        """Count that a worker was lost over a batch.

        Raises:
            TrainingError: If there were too many.
        """
        batch = self._open.get(taken)
        if batch is None:
            return
        batch.losses += 1
        if batch.losses > self._limits.losses:
            raise TrainingError(_too_often(batch, node, why))

    def _check_alone(self, check_stop: Callable[[], None]) -> None:
        """Wait for workers where there is none, for some time.

        Raises:
            TrainingError: If that was too long.
        """
        if not self._workers or self._crew.lacks_scorers:
            check_stop()  # no batch is under way whose end could be waited for
        if self._workers:
            return
        alone = self._clock() - self._alone_since
        if alone > self._limits.patience:
            raise TrainingError(
                f"no worker was there for {alone:.0f} s{self._why}. Start nodes that have what a "
                f"worker asks for (cpus_per_worker and gpus_per_worker of --executor), and go on."
            )
        if alone > self._limits.says_after and not self._told:
            self._told = True
            self._tell(
                f"no worker is there: waiting {self._limits.patience:.0f} s for nodes that have "
                f"what a worker asks for"
            )

    def _end_stuck(self) -> None:
        """Have a worker start anew that does not come back, from what nobody waits for or ever.

        The first batch of a stage may take any time: nobody knows what is usual.
        """
        now, hangs = self._clock(), HANGS * max(self._durations, default=math.inf)
        for number, worker in self._workers.items():
            is_vain = bool(worker.given) and worker.given[0] not in self._open
            limit = max(self._limits.patience, 0.0 if is_vain else hangs)
            if worker.given and now - worker.began > limit:
                worker.began = now
                self._crew.end(number)

    def _take_back_waiting(self) -> None:
        """Have workers leave what nobody wants any more, where they have not begun it."""
        for number, worker in self._workers.items():
            for taken in worker.given[1:]:
                self._crew.take_back(number, taken)

    def _account(self, node: str) -> NodeAccount:
        return self.accounts.setdefault(node, NodeAccount(node))

    def _clock_accounts(self, started: float) -> None:
        for account in self.accounts.values():
            account.elapsed = self._clock() - started


def _too_often(batch: _Batch, node: str, why: str) -> str:
    ids = listed([sample.id for sample in batch.samples], most=CLIPS_NAMED)
    return (
        f"{batch.losses} times a worker ended over the same clips, last on {node}: {why}. The "
        f"clips are {ids}. Leave out the one at fault, or lower --batch-size if memory ran out."
    )
