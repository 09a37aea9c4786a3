"""The aggregators `minimum`, `product` and `gated`; `weighted_mean` has a file of its own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.errors import ConfigError
from audioforge.plugins import checked_options, discover
from audioforge.sample import Score

REWARDS = st.floats(0, 1)
WEIGHTS = st.floats(0.001, 1000)
SCORES = st.lists(st.tuples(st.none() | REWARDS, WEIGHTS), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def combine():
    """`combine("minimum", (reward, weight), …)` gives the reward of an aggregator."""
    registry = discover()
    aggregators = {name: registry.create("aggregators", name) for name in ("minimum", "product")}

    def _combine(name: str, *pairs: tuple[float | None, float]) -> float | None:
        scores = {str(i): Score(reward) for i, (reward, _) in enumerate(pairs)}
        weights = {str(i): weight for i, (_, weight) in enumerate(pairs)}
        return aggregators[name].aggregate(scores, weights)

    return _combine


@pytest.fixture(scope="module")
def gated():
    """`gated("a+b", scores, weights)` gives the reward of the aggregator."""

    def _gated(require, scores, weights):
        aggregator = discover().create("aggregators", "gated", require=require)
        return aggregator.aggregate(scores, {i: weights.get(i, 0.0) for i in scores})

    return _gated


@pytest.mark.parametrize(
    ("pairs", "minimum", "product"),
    [
        ([(0.5, 1)], 0.5, 0.5),
        ([(0.9, 1), (0.4, 1)], 0.4, 0.6),
        ([(0.9, 1), (0.4, 7)], 0.4, (0.9 * 0.4**7) ** (1 / 8)),
        ([(0.25, 3), (1.0, 1)], 0.25, 0.25**0.75),
        ([(1.0, 1), (0.0, 0.001)], 0.0, 0.0),
        ([(0.8, 1), (None, 5)], 0.8, 0.8),
        ([(0.8, 1), (0.1, 0)], 0.8, 0.8),
        ([(0.8, 1), (0.0, 0)], 0.8, 0.8),
        ([(None, 1), (None, 2)], None, None),
        ([(None, 1), (0.5, 0)], None, None),
        ([], None, None),
        ([(1e-300, 1), (1e-300, 1)], 1e-300, 1e-300),
        ([(5e-324, 1e-3), (1.0, 1e3)], 5e-324, math.exp(math.log(5e-324) * 1e-6 / 1.000001)),
    ],
)
def test_known_values(combine, pairs, minimum, product):
    assert combine("minimum", *pairs) == minimum
    assert combine("product", *pairs) == pytest.approx(product)


@pytest.mark.parametrize("name", ["minimum", "product"])
@given(pairs=SCORES)
def test_the_reward_lies_between_its_parts(combine, name, pairs):
    judged = [reward for reward, _ in pairs if reward is not None]
    result = combine(name, *pairs)
    if not judged:
        assert result is None
    else:
        assert min(judged) <= result <= max(judged)


@pytest.mark.parametrize("name", ["minimum", "product"])
@given(pairs=SCORES)
def test_a_missing_score_is_neither_zero_nor_full_marks(combine, name, pairs):
    assert combine(name, *pairs, (None, 5.0)) == combine(name, *pairs)
    assert combine(name, *pairs, (0.5, 0.0)) == combine(name, *pairs)


@pytest.mark.parametrize("name", ["minimum", "product"])
@given(reward=REWARDS, weights=st.lists(WEIGHTS, min_size=1, max_size=6))
def test_equal_rewards_are_their_own_result_exactly(combine, name, reward, weights):
    assert combine(name, *((reward, weight) for weight in weights)) == reward


@given(pairs=SCORES, scale=st.floats(0.01, 100))
def test_only_the_ratio_of_the_exponents_matters(combine, pairs, scale):
    scaled = combine("product", *((reward, weight * scale) for reward, weight in pairs))
    assert scaled == pytest.approx(combine("product", *pairs))


@given(pairs=SCORES)
def test_the_product_is_never_above_the_weighted_mean_nor_below_the_minimum(combine, pairs):
    scores = {str(i): Score(reward) for i, (reward, _) in enumerate(pairs)}
    weights = {str(i): weight for i, (_, weight) in enumerate(pairs)}
    mean = discover().create("aggregators", "weighted_mean").aggregate(scores, weights)
    if mean is not None:
        assert combine("product", *pairs) <= mean + 1e-12
        assert combine("product", *pairs) >= combine("minimum", *pairs)


@pytest.mark.parametrize("name", ["minimum", "product"])
@given(pairs=SCORES, place=st.integers(0, 5), gain=REWARDS)
def test_a_better_score_never_lowers_the_reward(combine, name, pairs, place, gain):
    reward, weight = pairs[place % len(pairs)]
    if reward is not None:
        better = [*pairs]
        better[place % len(pairs)] = (min(1.0, reward + gain), weight)
        assert combine(name, *better) >= combine(name, *pairs) - 1e-12


@pytest.mark.parametrize("name", ["minimum", "product"])
def test_they_take_no_options(name):
    with pytest.raises(ConfigError, match=rf"{name}\.power: no such option"):
        discover().create("aggregators", name, power=2)


PASSES, FAILS, UNJUDGED = Score(1.0, True), Score(0.0, False), Score(None)
WER = Score(0.8, False)


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ([PASSES], 0.8),
        ([FAILS], 0.0),
        ([UNJUDGED], None),
        ([PASSES, PASSES], 0.8),
        ([PASSES, FAILS], 0.0),
        ([PASSES, UNJUDGED], None),
        ([UNJUDGED, FAILS], 0.0),
        ([Score(0.9, None)], None),
        ([Score(None, True)], 0.8),
        ([Score(1.0, False)], 0.0),
    ],
)
def test_every_gate_must_pass(gated, gates, expected):
    names = [f"gate{i}" for i in range(len(gates))]
    scores = {"wer": WER, **dict(zip(names, gates, strict=True))}
    assert gated("+".join(names), scores, {"wer": 1.0}) == expected


def test_a_gate_with_a_weight_counts_in_the_mean_too(gated):
    scores = {"wer": WER, "hallucination": PASSES}
    assert gated("hallucination", scores, {"wer": 1.0, "hallucination": 1.0}) == 0.9
    assert gated("hallucination", scores, {"wer": 1.0, "hallucination": 0.0}) == 0.8


def test_a_verifier_may_be_its_own_gate(gated):
    assert gated("wer", {"wer": Score(0.8, True)}, {"wer": 1.0}) == 0.8
    assert gated("wer", {"wer": WER}, {"wer": 1.0}) == 0.0


def test_an_open_gate_with_nothing_to_weigh_gives_no_reward(gated):
    assert gated("hallucination", {"wer": UNJUDGED, "hallucination": PASSES}, {"wer": 1}) is None


@pytest.mark.parametrize(
    "require", ["a+b", " a + b ", ["a", "b"], ["a+b"], ("a", "b", "a"), "a+b+", "a++b"]
)
def test_the_names_are_read_from_text_and_from_a_list(require):
    assert discover().create("aggregators", "gated", require=require).requires == ("a", "b")


@pytest.mark.parametrize("require", ["", "+", [], [" "]])
def test_a_gate_needs_a_name(require):
    provided = discover().find("aggregators", "gated")
    with pytest.raises(ConfigError, match=r"gated: require: name at least one verifier"):
        checked_options(provided, {"require": require})


def test_require_is_required():
    with pytest.raises(ConfigError, match=r"gated\.require: required, and not given"):
        discover().create("aggregators", "gated")
