"""Batches on workers that come, go, die and dawdle: each is done, and counted once."""

import heapq
import signal
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioforge.errors import ConfigError, TrainingError
from audioforge.inference.stop import Interrupted
from audioforge.sample import AudioSample
from audioforge_ray.events import Back, Done, Failed, Gone, Here, Sampled, ScorerGone
from audioforge_ray.pool import Limits, Pool
from audioforge_ray.waiting import Waiting

ENDLESS = 10**6


class FakeCrew:
    """Workers in a time of their own: each does its batches one after the other.

    Args:
        nodes: The node of each worker.
        seconds: How long a worker takes for a batch: by worker and first id of the batch.
        deaths: For each worker, after how many batches begun it dies, and the seconds until it is
            back; None for never.
        poison: Ids that end every worker that does them.
    """

    lacks_scorers = False

    def __init__(self, nodes, seconds=lambda worker, batch: 1.0, deaths=(), poison=()):
        self.now = 0.0
        self.nodes, self.seconds, self.poison = nodes, seconds, poison
        self.deaths = {number: list(plan) for number, plan in enumerate(deaths)}
        self.lists = {number: [] for number in range(len(nodes))}
        self.begun, self.done = Counter(), Counter()
        self.life = Counter()
        self.doing = {}
        self.most = 0
        self.queue = []
        self._order = 0
        for number, node in enumerate(nodes):
            if node is not None:
                self._at(0.0, ("here", number))

    def clock(self):
        return self.now

    def _at(self, when, what):
        self._order += 1
        heapq.heappush(self.queue, (when, self._order, what))

    def give(self, worker, number, batch):
        self.lists[worker].append((number, batch))
        self.most = max(self.most, len(self.lists[worker]))
        if len(self.lists[worker]) == 1:
            self._start(worker)

    def _start(self, worker):
        number, batch = self.lists[worker][0]
        self.doing[worker] = number
        self.begun[worker] += 1
        plan = self.deaths.get(worker, [])
        dies = bool(plan) and self.begun[worker] >= plan[0][0]
        if dies or any(sample.id in self.poison for sample in batch):
            away = plan.pop(0)[1] if dies else 1.0
            self._at(self.now + 0.5, ("gone", worker, self.life[worker], away, dies))
        else:
            end = self.now + self.seconds(worker, batch)
            self._at(end, ("done", worker, self.life[worker], number))

    def take_back(self, worker, number):
        waits = [n for n, _ in self.lists[worker][1:]]
        if number in waits:
            del self.lists[worker][1 + waits.index(number)]
            self._at(self.now, ("back", worker, self.life[worker], number))

    def end(self, worker):
        self._at(self.now, ("gone", worker, self.life[worker], 1.0, False))

    def events(self, seconds):
        until = self.now + seconds
        while self.queue and self.queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self.queue)
            event = self._event(what)
            if event is not None:
                return [event]
        self.now = until
        return []

    def _event(self, what):
        kind, worker, *rest = what
        if kind == "here":
            return Here(worker, self.nodes[worker])
        if rest[0] != self.life[worker]:
            return None  # of a life before
        if kind == "back":
            return Back(worker, rest[1])
        if kind == "gone":
            self.life[worker] += 1
            self.lists[worker] = []
            if rest[1] is not None:
                self._at(self.now + rest[1], ("here", worker))
            number = self.doing.pop(worker, None)
            return Gone(worker, "killed", None if rest[2] else number)
        number, batch = self.lists[worker].pop(0)
        assert number == rest[1]
        self.done[batch[0].id] += 1
        if self.lists[worker]:
            self._start(worker)
        return Done(worker, number, [s.id for s in batch], self.seconds(worker, batch))


class Scored(FakeCrew):
    """What a worker did is scored by others, who lose some of it."""

    def __init__(self, nodes, lost):
        super().__init__(nodes)
        self.lost = Counter(lost)

    def _event(self, what):
        event = super()._event(what)
        if isinstance(event, Done) and self.lost[event.result[0]]:
            self.lost[event.result[0]] -= 1
            return Back(event.worker, event.number, "killed")
        return event


class ScoredElsewhere(FakeCrew):
    """Others take half a minute to score what a worker samples in a second."""

    def _event(self, what):
        if what[0] == "scored":
            _, worker, life, done = what
            return done if life == self.life[worker] else None
        event = super()._event(what)
        if isinstance(event, Done):
            scored = Done(event.worker, event.number, event.result, event.seconds, "cpus", 30.0)
            self._at(self.now + 30, ("scored", event.worker, self.life[event.worker], scored))
            return Sampled(event.worker, event.number)
        return event


class Refusing(FakeCrew):
    """Of some batches a worker says that they cannot be done, by their first id."""

    def __init__(self, nodes, refused, seconds=lambda worker, batch: 1.0):
        super().__init__(nodes, seconds)
        self.refused = refused

    def _event(self, what):
        event = super()._event(what)
        if isinstance(event, Done) and (event.worker, event.result[0]) in self.refused:
            return Failed(event.worker, event.number, ConfigError(["no such thing"]))
        return event


def batches_of(count, size=2):
    return [[AudioSample(f"{n}-{i}") for i in range(size)] for n in range(count)]


def pool_of(crew, **limits):
    said = []
    return Pool(crew, Limits(**limits), said.append, crew.clock), said


def check_shared(pool, batches):
    came = [(batch, result) for batch, result in pool.share(batches)]
    assert all(result == [s.id for s in batch] for batch, result in came)
    assert Counter(id(batch) for batch, _ in came) == Counter(map(id, batches))
    return came


deaths = st.lists(st.tuples(st.integers(1, 6), st.floats(0, 20)), max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    nodes=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5),
    plans=st.lists(deaths, min_size=5, max_size=5),
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=3),
    slowness=st.lists(st.floats(0.01, 30), min_size=5, max_size=5),
)
def test_each_batch_is_done_once_whoever_dies_comes_back_or_is_slow(nodes, plans, counts, slowness):
    crew = FakeCrew(nodes, lambda worker, batch: slowness[worker], plans[: len(nodes)])
    pool, _ = pool_of(crew)
    for count in counts:  # the same crew over several stages
        batches = batches_of(count)
        check_shared(pool, batches)
        assert sum(account.batches for account in pool.accounts.values()) == count
        assert sum(account.clips for account in pool.accounts.values()) == 2 * count
    assert crew.most <= 2


def test_a_batch_that_ends_its_workers_ends_the_run_and_is_named():
    crew = FakeCrew(["a", "b"], poison={"5-1"})
    pool, _ = pool_of(crew, losses=2)
    came = []
    with pytest.raises(
        TrainingError, match=r"3 times a worker ended .* killed\. The clips are 5-0, 5-1"
    ):
        came += pool.share(batches_of(12))
    assert crew.done["5-0"] == 0


def test_what_is_lost_where_it_is_scored_is_done_again_but_not_for_ever():
    pool, _ = pool_of(Scored(["a", "b"], {"3-0": 2}), losses=2)
    check_shared(pool, batches_of(9))
    pool, _ = pool_of(Scored(["a", "b"], {"3-0": 3}), losses=2)
    with pytest.raises(TrainingError, match=r"3 times a worker ended .* clips are 3-0, 3-1"):
        list(pool.share(batches_of(9)))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 40])
def test_what_others_score_for_long_is_sampled_once(count):
    crew = ScoredElsewhere(["a", "b", "b"])
    pool, _ = pool_of(crew, ahead=3)
    check_shared(pool, batches_of(count))
    assert sum(crew.begun.values()) == count
    assert crew.most <= 3
    assert pool.accounts["cpus"].scoring_seconds == 30 * count
    assert "scored for" in pool.accounts["cpus"].describe()


def test_what_a_worker_sampled_is_lost_with_it():
    crew = ScoredElsewhere(["a", "b"], deaths=[[(3, 1.0)]])
    pool, _ = pool_of(crew, ahead=3)
    check_shared(pool, batches_of(20))


def test_a_batch_that_cannot_be_done_ends_the_stage():
    pool, _ = pool_of(Refusing(["a", "b"], {(0, "4-0"), (1, "4-0")}))
    with pytest.raises(ConfigError, match="no such thing"):
        list(pool.share(batches_of(9)))


def test_what_fails_where_another_has_done_it_is_passed_over():
    slow = Refusing(["a", "b"], {(1, "1-0")}, lambda worker, batch: (1.0, 30.0)[worker])
    pool, _ = pool_of(slow, patience=100)
    check_shared(pool, batches_of(2))  # the slow one has the second, and the other takes it over
    check_shared(pool, batches_of(60)[2:])
    assert slow.done["1-0"] == 2


def test_who_is_asked_to_stop_while_nobody_is_there_does():
    asked = iter([None, None, Interrupted(signal.SIGTERM)])

    def check_stop():
        if (error := next(asked)) is not None:
            raise error

    pool, _ = pool_of(FakeCrew([None]))
    with pytest.raises(Interrupted):
        list(pool.share(batches_of(2), check_stop))


def test_who_is_asked_to_stop_while_nobody_is_there_to_score_does():
    crew = ScoredElsewhere(["a"])
    crew.lacks_scorers = True
    asked = iter([None, Interrupted(signal.SIGTERM)])

    def check_stop():
        if (error := next(asked)) is not None:
            raise error

    pool, _ = pool_of(crew)
    with pytest.raises(Interrupted):
        list(pool.share(batches_of(2), check_stop))


def test_a_node_that_goes_away_is_not_the_batch_fault():
    crew = FakeCrew(["a"], deaths=[[(1, 1.0)] * 9])
    pool, _ = pool_of(crew, losses=0)
    check_shared(pool, batches_of(4))
    assert pool.accounts["a"].failures == 9


def test_who_scores_and_is_lost_counts_where_it_was():
    crew, scorers = FakeCrew(["a"]), [ScorerGone("cpus"), ScorerGone("cpus")]
    of_workers = crew.events
    crew.events = lambda seconds: [*of_workers(seconds), *([scorers.pop()] if scorers else [])]
    pool, _ = pool_of(crew)
    check_shared(pool, batches_of(4))
    assert (pool.accounts["cpus"].failures, pool.accounts["a"].failures) == (2, 0)
    assert pool.accounts["cpus"].describe() == "cpus: 2 lost"


def test_without_any_worker_it_waits_says_so_and_ends_at_last():
    pool, said = pool_of(FakeCrew([None]), patience=60)
    with pytest.raises(TrainingError, match="no worker was there for 6"):
        list(pool.share(batches_of(2)))
    assert len(said) == 1


def test_one_lost_worker_does_not_end_the_run_of_another():
    crew = FakeCrew(["a", "b"], deaths=[[(2, None)]])
    pool, _ = pool_of(crew, patience=5)
    check_shared(pool, batches_of(40))
    assert pool.accounts["a"].failures == 1
    assert pool.accounts["b"].batches == 39


def test_what_a_slow_worker_has_is_done_by_another_and_counted_once():
    crew = FakeCrew(["fast", "slow"], lambda worker, batch: (1.0, 500.0)[worker])
    pool, _ = pool_of(crew, patience=1000)
    check_shared(pool, batches_of(20))
    assert crew.now < 40
    check_shared(pool, batches_of(600))  # the slow one answers meanwhile, too late
    assert pool.accounts["slow"].repeated == 1


def test_a_worker_that_never_comes_back_is_started_anew():
    first = iter([ENDLESS])
    crew = FakeCrew(["a", "b"], lambda worker, batch: next(first, 1.0) if worker else 1.0)
    pool, _ = pool_of(crew, patience=50)
    check_shared(pool, batches_of(10))
    check_shared(pool, batches_of(200))
    assert pool.accounts["b"].failures == 1
    assert pool.accounts["b"].batches > 50


def test_the_only_worker_is_started_anew_where_it_hangs():
    hanging = iter([ENDLESS])
    crew = FakeCrew(["a"], lambda _, batch: next(hanging, 1.0) if batch[0].id == "4-0" else 3.0)
    pool, _ = pool_of(crew, patience=50)
    check_shared(pool, batches_of(10))
    assert pool.accounts["a"].failures == 1
    assert crew.now < 50 + 20 * 3 + 30


def test_a_batch_in_which_every_worker_hangs_ends_the_run_and_is_named():
    crew = FakeCrew(["a"], lambda worker, batch: ENDLESS if batch[0].id == "6-0" else 1.0)
    pool, _ = pool_of(crew, patience=50)
    with pytest.raises(TrainingError, match=r"4 times a worker ended .* clips are 6-0, 6-1"):
        list(pool.share(batches_of(10)))


def test_batches_are_at_home_on_the_same_node_in_each_stage():
    crew = FakeCrew(["a", "b", "c", "c"])
    pool, _ = pool_of(crew)
    batches = batches_of(400)
    done_by = []
    given = crew.give

    def give(worker, number, batch):
        done_by[-1][batch[0].id] = crew.nodes[worker]
        given(worker, number, batch)

    crew.give = give
    for order in (batches, batches[::-1]):
        done_by.append({})
        check_shared(pool, order)
    same = sum(node == done_by[1][name] for name, node in done_by[0].items())
    assert same > 0.8 * len(batches)  # but for what idle workers took over


def test_no_worker_waits_while_another_has_two():
    crew = FakeCrew(["a", "b"])
    pool, _ = pool_of(crew)
    check_shared(pool, batches_of(8))
    assert crew.now == 4.0
    assert all(count == 1 for count in crew.done.values())


def test_what_stops_early_leaves_nothing_behind_for_the_next_stage():
    crew = FakeCrew(["a", "b"])
    pool, _ = pool_of(crew)
    sharing = pool.share(batches_of(10))
    next(sharing)
    sharing.close()
    check_shared(pool, batches_of(10))


def test_what_happened_when_it_stopped_is_heard_in_the_next_stage():
    crew = FakeCrew(["a", "b", "b"])
    single = crew.events

    def events(seconds):  # all that is over at the same time, as Ray tells it
        first = single(seconds)
        return [*first, *(e for _ in range(9) for e in single(0.0))]

    crew.events = events
    pool, _ = pool_of(crew)
    sharing = pool.share(batches_of(10))
    next(sharing)
    sharing.close()
    check_shared(pool, batches_of(30))
    assert all(account.failures == 0 for account in pool.accounts.values())
    assert crew.now <= 12, "all three went on"


@given(st.sets(st.text(min_size=1), min_size=1, max_size=6), st.integers(0, 300))
def test_everything_that_waits_is_taken_once(nodes, count):
    waiting = Waiting()
    for number in range(count):
        waiting.add(number, f"clip-{number}")
    waiting.spread(dict.fromkeys(nodes, 2))
    one = min(nodes)
    taken = [waiting.take(one) for _ in range(count)]
    assert sorted(taken) == list(range(count))
    assert waiting.take(one) is None
    assert len(waiting) == 0


def test_a_node_that_goes_moves_its_own_share_only():
    def homes(nodes):
        waiting = Waiting()
        for number in range(1000):
            waiting.add(number, f"clip-{number}")
        waiting.spread(dict.fromkeys(nodes, 1))
        return {bucket: node for node, own in waiting._homes.items() for bucket in own}

    before, after = homes({"a", "b", "c", "d"}), homes({"a", "b", "c"})
    assert all(after[b] == node for b, node in before.items() if node != "d")
    assert all(count > 60 for count in Counter(before.values()).values())
