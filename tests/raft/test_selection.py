"""Selection: what is learnt from, whatever order the rollouts come in."""

import math

import numpy as np
import pytest
import soundfile
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.selection import SelectionContext

REGISTRY = discover("")
"""Of the engine's own; nobody else's plugins."""
STRATEGIES = ("best", "top-percent", "random", "reference")
REWARDS = st.lists(st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=4)
TABLES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), REWARDS, max_size=8)


def rollouts_of(table: dict[str, list[float | None]]) -> list[Rollout]:
    return [
        Rollout(
            AudioSample(identity),
            1,
            [
                ScoredHypothesis(Hypothesis(i, text=f"{identity}-{i}"), {"v": Score(r)}, r)
                for i, r in enumerate(rewards)
            ],
        )
        for identity, rewards in table.items()
    ]


def kept(rollouts, strategy, threshold=0.0, top_percent=50.0, seed=0) -> list[str]:
    context = SelectionContext(
        task="asr", threshold=threshold, keep_top_percent=top_percent, seed=seed
    )
    selected = REGISTRY.create("selections", strategy).select(iter(rollouts), context)
    assert selected.divisor == "weight"
    return sorted(k.target.text for k in selected.items)


@pytest.mark.parametrize(
    ("rewards", "threshold", "expected"),
    [
        ((0.2, 0.9, 0.5), 0.7, ["a-1"]),
        ((0.9, 0.9, 0.5), 0.7, ["a-0"]),
        ((0.5, 0.7), 0.7, ["a-1"]),
        ((0.5, 0.6999), 0.7, []),
        ((None, 0.8, None), 0.7, ["a-1"]),
        ((None, None), 0.0, []),
        ((0.0, 0.0), 0.0, ["a-0"]),
        ((1.0,), 1.0, ["a-0"]),
    ],
)
def test_best_keeps_each_clips_best_that_reaches_the_threshold(
    rollout, rewards, threshold, expected
):
    assert kept([rollout("a", *rewards)], "best", threshold) == expected


@pytest.mark.parametrize(
    ("percent", "threshold", "expected"),
    [
        (50, 0.0, ["a-0", "a-1", "b-0"]),
        (50, 0.9, ["a-0", "a-1"]),
        (1, 0.0, ["a-0"]),
        (100, 0.0, ["a-0", "a-1", "b-0", "b-1", "c-0", "c-2"]),
        (100, 0.35, ["a-0", "a-1", "b-0", "b-1"]),
        (33, 0.0, ["a-0", "a-1"]),
    ],
)
def test_top_percent_keeps_the_best_of_all_judged(rollout, percent, threshold, expected):
    table = [rollout("b", 0.8, 0.4), rollout("c", 0.1, None, 0.3), rollout("a", 1.0, 0.9)]
    assert kept(table, "top-percent", threshold, percent) == expected


def test_top_percent_breaks_ties_by_the_seed_without_favour(rollout):
    table = [rollout(name, 1.0, 1.0) for name in "abcdef"]
    by_seed = [tuple(kept(table, "top-percent", 0, 50, seed)) for seed in range(40)]
    assert all(len(texts) == 6 for texts in by_seed)
    assert len(set(by_seed)) > 20
    assert {text for texts in by_seed for text in texts} == {
        f"{n}-{i}" for n in "abcdef" for i in (0, 1)
    }
    assert kept(table, "top-percent", 0, 50, 3) == list(by_seed[3])


def said(*hypotheses: Hypothesis, rewards=None) -> Rollout:
    """A rollout of one clip whose hypotheses all earn 1, or these rewards."""
    judged = zip(hypotheses, rewards or [1.0] * len(hypotheses), strict=True)
    scored = [ScoredHypothesis(evolve(h, index=i), {}, r) for i, (h, r) in enumerate(judged)]
    return Rollout(AudioSample("a"), 1, scored)


def spoken(seconds: float, **known) -> Hypothesis:
    return Hypothesis(
        audio=np.zeros(round(8000 * seconds), np.float32), sampling_rate=8000, **known
    )


LIKELY = {"logprob": -2.0, "tokens": 4}
LOOP = {"logprob": -3.0, "tokens": 40}
"""Less likely as a whole, and likelier token by token."""


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        (said(Hypothesis(text="go [Music]", **LOOP), Hypothesis(text="go", **LIKELY)), 1),
        (said(Hypothesis(text="go", **LIKELY), Hypothesis(text="go on", **LIKELY)), 0),
        (said(Hypothesis(text="go on", **LIKELY), Hypothesis(text="go", **LIKELY)), 1),
        (said(Hypothesis(text="go", **LIKELY), Hypothesis(text="Go", **LIKELY)), 0),
        (said(Hypothesis(text="go", **LOOP), Hypothesis(text="g", **LIKELY), rewards=(1, 0.9)), 0),
        (
            said(Hypothesis(text="a long one"), Hypothesis(text="short"), Hypothesis(text="words")),
            1,
        ),
        (said(Hypothesis(text="a"), Hypothesis(text="said so", **LOOP)), 1),
        (said(Hypothesis(text="a", logprob=math.nan), Hypothesis(text="said so", **LOOP)), 1),
        (said(Hypothesis(label="yes", logprob=-2), Hypothesis(label="yeah", logprob=-1)), 1),
        (said(spoken(2), spoken(1), spoken(3)), 1),
        (said(spoken(1, **LOOP), spoken(2, **LIKELY)), 1),
    ],
)
def test_of_equal_rewards_the_likelier_is_kept_then_the_shorter(rollout, expected):
    [of_clip] = kept_of(rollout, "best")
    [of_all] = kept_of(rollout, "top-percent", percent=1)
    assert (of_clip, of_all) == (expected, expected)


def kept_of(rollout: Rollout, strategy: str, percent: float = 50.0) -> list[int]:
    context = SelectionContext(task="asr", threshold=0.5, keep_top_percent=percent, seed=0)
    selected = REGISTRY.create("selections", strategy).select(iter([rollout]), context)
    return [item.target.index for item in selected.items]


def test_a_file_of_sound_is_as_long_as_its_samples(tmp_path):
    for name, seconds in (("long.flac", 2), ("short.flac", 1)):
        soundfile.write(tmp_path / name, np.zeros(8000 * seconds), 8000)
    files = [Hypothesis(audio=tmp_path / name) for name in ("long.flac", "short.flac")]
    assert kept_of(said(*files), "best") == [1]


def test_random_takes_one_of_each_clip_whatever_its_reward(rollout):
    table = [rollout(f"clip-{i:03d}", 0.0, 1.0, None, 0.5) for i in range(400)]
    texts = kept(table, "random", threshold=1.0)
    assert [t.rsplit("-", 1)[0] for t in texts] == [r.sample.id for r in table]
    counts = [sum(t.endswith(f"-{i}") for t in texts) for i in range(4)]
    assert all(70 < count < 130 for count in counts)
    assert texts == kept(table, "random", threshold=0.0)
    assert texts != kept(table, "random", seed=1)
    other_cycle = [rollout(r.sample.id, 0.0, 1.0, None, 0.5, cycle=2) for r in table]
    assert texts != kept(other_cycle, "random")


def test_reference_takes_what_the_rollout_quotes(rollout):
    assert kept([rollout("b", 0.1), rollout("a", None)], "reference", 1.0) == ["a-0", "b-0"]


def test_nothing_to_choose_from_chooses_nothing():
    assert [kept([], strategy) for strategy in STRATEGIES] == [[]] * 4


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(table=TABLES, order=st.randoms(use_true_random=False), threshold=st.sampled_from([0, 0.5]))
def test_the_order_of_the_rollouts_changes_nothing(strategy, table, order, threshold):
    rollouts, shuffled = rollouts_of(table), rollouts_of(table)
    order.shuffle(shuffled)
    chosen = kept(rollouts, strategy, threshold)
    assert kept(shuffled, strategy, threshold) == chosen
    assert len(set(chosen)) == len(chosen)


@given(table=TABLES, threshold=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_whatever_is_kept_for_its_reward_reaches_the_threshold(table, threshold):
    for strategy in ("best", "top-percent"):
        chosen = kept(rollouts_of(table), strategy, threshold)
        rewards = [table[text.rpartition("-")[0]][int(text.rpartition("-")[2])] for text in chosen]
        assert all(reward is not None and reward >= threshold for reward in rewards)
    with_one = sum(any(r is not None and r >= threshold for r in row) for row in table.values())
    assert len(kept(rollouts_of(table), "best", threshold)) == with_one
