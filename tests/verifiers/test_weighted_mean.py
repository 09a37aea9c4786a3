"""The aggregator `weighted_mean`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.errors import ConfigError
from audioforge.plugins import discover
from audioforge.sample import Score

REWARDS = st.floats(0, 1)
WEIGHTS = st.floats(0.001, 1000)
SCORES = st.lists(st.tuples(st.none() | REWARDS, WEIGHTS), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def mean():
    aggregator = discover().create("aggregators", "weighted_mean")

    def _mean(*pairs: tuple[float | None, float]) -> float | None:
        scores = {str(i): Score(reward) for i, (reward, _) in enumerate(pairs)}
        weights = {str(i): weight for i, (_, weight) in enumerate(pairs)}
        return aggregator.aggregate(scores, weights)

    return _mean


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0.5, 1)], 0.5),
        ([(1, 1), (0, 1)], 0.5),
        ([(1, 3), (0, 1)], 0.75),
        ([(1, 0.4), (None, 0.6)], 1.0),
        ([(0.2, 1), (1.0, 0)], 0.2),
        ([(None, 1), (None, 2)], None),
        ([(None, 1), (0.5, 0)], None),
        ([], None),
        ([(0.0, 1), (None, 5)], 0.0),
    ],
)
def test_known_means(mean, pairs, expected):
    assert mean(*pairs) == expected


@given(pairs=SCORES)
def test_the_mean_lies_between_its_parts(mean, pairs):
    judged = [reward for reward, _ in pairs if reward is not None]
    result = mean(*pairs)
    if not judged:
        assert result is None
    else:
        assert min(judged) <= result <= max(judged)


@given(reward=REWARDS, weights=st.lists(WEIGHTS, min_size=1, max_size=6))
def test_equal_rewards_are_their_own_mean_exactly(mean, reward, weights):
    assert mean(*((reward, weight) for weight in weights)) == reward


@given(pairs=SCORES)
def test_a_score_that_is_missing_takes_no_part(mean, pairs):
    assert mean(*pairs, (None, 5.0)) == mean(*pairs)
    assert mean(*pairs, (0.9, 0.0)) == mean(*pairs)


@given(pairs=SCORES, scale=st.floats(0.01, 100))
def test_only_the_ratio_of_the_weights_matters(mean, pairs, scale):
    scaled = mean(*((reward, weight * scale) for reward, weight in pairs))
    assert scaled == pytest.approx(mean(*pairs))


@given(pairs=SCORES, place=st.integers(0, 5), gain=REWARDS)
def test_a_better_score_never_lowers_the_mean(mean, pairs, place, gain):
    reward, weight = pairs[place % len(pairs)]
    if reward is not None:
        better = [*pairs]
        better[place % len(pairs)] = (min(1.0, reward + gain), weight)
        assert mean(*better) >= mean(*pairs) - 1e-12


def test_it_takes_no_options():
    with pytest.raises(ConfigError, match=r"weighted_mean\.power: no such option"):
        discover().create("aggregators", "weighted_mean", power=2)
