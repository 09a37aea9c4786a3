"""What workers sampled goes through those who score, who die, hang and dawdle: each batch once."""

import heapq
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.exceptions import ActorUnavailableError

from audioforge.errors import TrainingError
from audioforge_ray import scoring as scoring_module
from audioforge_ray.events import Back, Done, ScorerGone
from audioforge_ray.scoring import AHEAD, PATIENCE_SECONDS, Drawn, Scoring
from audioforge_ray.worker import Answer

HANGS = 10.0**9


class FakeScorers:
    """A group in a time of its own: each scores what it has, one after the other.

    Args:
        seconds: For each scorer, how long it takes for its batches, one after the other; then a
            second for each.
        deaths: For each scorer, how many batches it does before it is lost, again and again; None
            for never.
    """

    def __init__(self, seconds, deaths):
        self.now = 0.0
        self.seconds = [list(own) for own in seconds]
        self.deaths, self.done = list(deaths), [0] * len(deaths)
        self.queues = [[] for _ in seconds]
        self.back_at = {}
        self.answers = {}
        self.events = []
        self.ended = self.most = self.lost = self._order = 0

    @property
    def here(self):
        return [n for n in range(len(self.queues)) if n not in self.back_at]

    def arrived(self, check):
        self.back_at = {n: at for n, at in self.back_at.items() if at > self.now}
        return []

    def node_of(self, number):
        return "cpus"

    def actor(self, number):
        def remote(errand, batch, drawn):
            assert number in self.here
            ref = object()
            self.queues[number].append(ref)
            self.most = max(self.most, len(self.queues[number]))
            if len(self.queues[number]) == 1:
                self._start(number)
            return ref

        return types.SimpleNamespace(score=types.SimpleNamespace(remote=remote))

    def lose(self, number, error=None):
        self.lost += 1
        self.queues[number].clear()
        self.back_at[number] = self.now + 2
        return True

    def end(self, number):
        self.ended += 1
        for ref in self.queues[number][:1]:
            self._at(self.now, number, ref, None)

    def _start(self, number):
        plan, limit = self.seconds[number], self.deaths[number]
        dies = limit is not None and self.done[number] >= limit
        if dies:
            self.done[number] = 0
        seconds = plan.pop(0) if plan else 1.0
        self._at(self.now + seconds, number, self.queues[number][0], None if dies else seconds)

    def _at(self, when, number, ref, seconds):
        self._order += 1
        heapq.heappush(self.events, (when, self._order, number, ref, seconds))

    def wait(self, seconds):
        """Return what is answered within so many seconds, or None."""
        until = self.now + seconds
        while self.events and self.events[0][0] <= until:
            self.now, _, number, ref, took = heapq.heappop(self.events)
            if ref not in self.queues[number]:
                continue  # of a life before
            self.answers[ref] = took
            if took is not None:
                self.queues[number].remove(ref)
                self.done[number] += 1
                if self.queues[number]:
                    self._start(number)
            return ref
        self.now = until
        return None

    def get(self, ref):
        if self.answers[ref] is None:
            raise ActorUnavailableError("killed", None)
        return Answer(results=b"", seconds=self.answers[ref])


def score(seconds, deaths, count):
    """Have batches scored, those that come back anew; return how often each was done, and how."""
    group = FakeScorers(seconds, deaths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring_module, "time", types.SimpleNamespace(monotonic=lambda: group.now))
        patch.setattr(scoring_module, "ray", types.SimpleNamespace(get=group.get))
        scoring = Scoring(group, lambda text: None)
        done, lost = dict.fromkeys(range(count), 0), []

        def take(number):
            scoring.take(
                Drawn(worker=0, number=number, batch=(), errand=None, drawn=None, seconds=1.0)
            )

        for number in done:
            take(number)
        while not all(done.values()):
            scoring.hand_out(lambda facts: None)
            ref = group.wait(1.0)
            for event in () if ref is None or ref not in scoring.asked else scoring.hear(ref):
                if isinstance(event, Done):
                    done[event.number] += 1
                    assert event.scored_on == "cpus"
                elif isinstance(event, ScorerGone):
                    lost.append(event.node)
                else:
                    assert isinstance(event, Back)
                    take(event.number)
            assert group.now < 20_000, "it never ends"
        for _ in range(2 * PATIENCE_SECONDS):  # what is under way in vain is heard, and no more
            scoring.hand_out(lambda facts: None)
            ref = group.wait(1.0)
            late = list(scoring.hear(ref)) if ref in scoring.asked else []
            assert all(isinstance(event, ScorerGone) for event in late)
            lost += [event.node for event in late]
    assert lost == ["cpus"] * group.lost
    return group, done


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.lists(st.lists(st.floats(0.01, 60), max_size=6), min_size=1, max_size=4),
    deaths=st.lists(st.none() | st.integers(1, 4), min_size=4, max_size=4),
    count=st.integers(0, 25),
)
def test_each_batch_is_scored_once_whoever_is_lost_or_slow(seconds, deaths, count):
    group, done = score(seconds, deaths[: len(seconds)], count)
    assert set(done.values()) <= {1}
    assert group.most <= AHEAD


def test_what_is_ready_for_one_that_hangs_is_scored_by_another_and_it_starts_anew():
    group, done = score([[1.0, HANGS], []], [None, None], 12)
    assert set(done.values()) == {1}
    assert group.ended == 1


def test_the_only_one_that_scores_is_started_anew_where_it_hangs():
    group, done = score([[1.0, HANGS]], [None], 12)
    assert set(done.values()) == {1}
    assert group.ended == 1


def test_where_nobody_is_there_to_score_it_says_so_and_ends_at_last(monkeypatch):
    group = FakeScorers([[]], [None])
    group.back_at[0] = HANGS
    monkeypatch.setattr(scoring_module, "time", types.SimpleNamespace(monotonic=lambda: group.now))
    told = []
    scoring = Scoring(group, told.append)
    scoring.hand_out(lambda facts: None)
    assert not scoring.is_alone  # nothing waits
    scoring.take(Drawn(worker=0, number=0, batch=(), errand=None, drawn=None, seconds=1.0))
    for _ in range(PATIENCE_SECONDS):
        group.wait(1.0)
        scoring.hand_out(lambda facts: None)
    assert scoring.is_alone
    assert told == ["no verifier worker is there: waiting 300 s for nodes that have a CPU for each"]
    group.wait(1.0)
    with pytest.raises(TrainingError, match="no verifier worker was there for 300 s"):
        scoring.hand_out(lambda facts: None)
