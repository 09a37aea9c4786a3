"""Draws depend on their key alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.keyed_random import generator, shuffled, uniforms

KEYS = st.lists(st.integers(-(2**70), 2**70) | st.text(), min_size=1, max_size=4).map(tuple)


def test_the_order_of_draws_does_not_matter():
    keys = [(seed, cycle, f"clip-{i}") for seed in (0, 1) for cycle in (1, 2) for i in range(5)]
    forwards = {key: uniforms(3, *key).tolist() for key in keys}
    backwards = {key: uniforms(3, *key).tolist() for key in reversed(keys)}
    assert forwards == backwards
    np.random.default_rng(0).random(10)
    assert uniforms(3, *keys[0]).tolist() == forwards[keys[0]]


@given(KEYS, st.integers(0, 30), st.integers(0, 30))
def test_a_longer_run_starts_with_the_shorter_one(key, short, more):
    assert uniforms(short + more, *key)[:short].tolist() == uniforms(short, *key).tolist()


@given(KEYS, KEYS)
def test_different_keys_give_different_draws(one, other):
    assert (uniforms(2, *one).tolist() == uniforms(2, *other).tolist()) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [((1, 2), (12,)), (("a", "b"), ("ab",)), ((1,), ("1",)), (("a', 'b",), ("a", "b"))],
)
def test_keys_that_look_alike_are_different(one, other):
    assert uniforms(1, *one)[0] != uniforms(1, *other)[0]


def test_draws_of_neighbouring_keys_are_uniform_and_uncorrelated():
    draws = np.array([uniforms(2, 0, 1, f"clip-{i}", 0) for i in range(20_000)])
    assert ((draws >= 0) & (draws < 1)).all()
    counts, _ = np.histogram(draws[:, 0], bins=20, range=(0, 1))
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_square < 43.8  # 99.9 % of 19 degrees of freedom
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.025
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.025


def test_known_values_so_that_a_run_of_today_can_be_repeated_tomorrow():
    drawn = uniforms(2, 0, 1, "clip", 0).tolist()
    assert drawn == [0.3965881603709145, 0.5617421168397361]


@given(st.integers(0, 50), KEYS)
def test_a_shuffle_holds_each_number_once(count, key):
    order = shuffled(count, *key)
    assert sorted(order) == list(range(count))
    assert order == shuffled(count, *key)
    assert all(type(i) is int for i in order)


def test_shuffles_differ_by_key():
    assert len({tuple(shuffled(10, "update", 0, 1, epoch)) for epoch in range(20)}) == 20


def test_generators_are_independent_objects():
    first, second = generator(0, "a"), generator(0, "a")
    first.random(5)
    assert second.random() == generator(0, "a").random()
