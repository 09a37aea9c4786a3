"""Intervals: like a bootstrap done by hand, and honest when the best of several is reported."""

import numpy as np
import pytest

from audioforge.measuring.bootstrap import (
    chosen_difference_interval,
    difference_interval,
    ratio_interval,
)


def corpus(draw: np.random.Generator, count: int = 80):
    """Words per utterance, and errors of two systems that find the same utterances hard."""
    words = draw.integers(3, 8, count)
    hardness = draw.beta(1, 2, count)
    shared = draw.binomial(words, hardness)
    better = np.where(draw.random(count) < 0.7, shared, draw.binomial(words, hardness * 0.8))
    return words.astype(float), shared.astype(float), better.astype(float)


def by_hand(numerator, denominator, level=0.95, resamples=20_000):
    draw = np.random.default_rng(99)
    ratios = []
    for _ in range(resamples):
        chosen = draw.integers(len(numerator), size=len(numerator))
        ratios.append(numerator[chosen].sum() / denominator[chosen].sum())
    return np.quantile(ratios, [(1 - level) / 2, 1 - (1 - level) / 2])


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_a_ratio_like_by_hand(level):
    words, errors, _ = corpus(np.random.default_rng(0))
    interval = ratio_interval(errors, words, level=level)
    expected = by_hand(errors, words, level)
    width = expected[1] - expected[0]
    np.testing.assert_allclose(interval, expected, atol=0.06 * width)
    assert interval[0] < errors.sum() / words.sum() < interval[1]


def test_a_difference_like_by_hand_and_paired():
    words, base, better = corpus(np.random.default_rng(1))
    interval = difference_interval((better, words), (base, words))
    expected = by_hand(better - base, words)
    np.testing.assert_allclose(interval, expected, atol=0.06 * (expected[1] - expected[0]))
    unpaired = ratio_interval(better, words)[1] - ratio_interval(better, words)[0]
    assert interval[1] - interval[0] < 0.8 * unpaired


def test_a_difference_to_itself_is_nothing():
    words, base, _ = corpus(np.random.default_rng(2))
    assert difference_interval((base, words), (base, words)) == (0.0, 0.0)


def test_the_same_data_give_the_same_interval_and_more_data_a_narrower_one():
    words, errors, _ = corpus(np.random.default_rng(3), 50)
    once, again = ratio_interval(errors, words), ratio_interval(errors, words)
    assert once == again
    many = ratio_interval(np.tile(errors, 16), np.tile(words, 16))
    assert many[1] - many[0] == pytest.approx((once[1] - once[0]) / 4, rel=0.1)


def test_swapping_the_systems_turns_the_interval_round():
    words, base, better = corpus(np.random.default_rng(4))
    low, high = difference_interval((better, words), (base, words))
    assert difference_interval((base, words), (better, words)) == pytest.approx((-high, -low))


def test_a_clear_gain_is_seen_through_the_choice():
    words, base, _ = corpus(np.random.default_rng(5))
    candidates = [(errors, words) for errors in (base, np.floor(base / 2), base + 1)]
    low, high = chosen_difference_interval(candidates, (base, words), higher_is_better=False)
    assert high < 0
    expected = difference_interval(candidates[1], (base, words))
    assert (low, high) == pytest.approx(expected, abs=0.01)
    right = [(words - errors, words) for errors, _ in candidates]
    turned = chosen_difference_interval(right, (words - base, words), higher_is_better=True)
    assert turned == pytest.approx((-high, -low))


def test_one_candidate_is_no_choice():
    words, base, better = corpus(np.random.default_rng(6))
    systems = [(better, words)]
    chosen = chosen_difference_interval(systems, (base, words), higher_is_better=False)
    assert chosen == difference_interval((better, words), (base, words))


def test_the_best_of_four_that_are_no_better_is_rarely_called_better():
    """300 corpora on which every system has the same error rate."""
    draw = np.random.default_rng(7)
    honest = naive = 0
    for _ in range(300):
        words = draw.integers(3, 7, 40).astype(float)
        hardness = draw.beta(1, 2, 40)
        base, *systems = (draw.binomial(words.astype(int), hardness) for _ in range(5))
        rates = [(errors, words) for errors in systems]
        chosen = chosen_difference_interval(rates, (base, words), higher_is_better=False)
        best = min(systems, key=lambda errors: errors.sum())
        honest += chosen[1] < 0
        naive += difference_interval((best, words), (base, words))[1] < 0
    assert honest / 300 <= 0.05
    assert naive / 300 > 0.05
    assert naive > 1.5 * honest


def test_utterances_without_words_take_no_part_in_a_resample_of_their_own():
    low, high = ratio_interval(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 2.0]))
    assert (low, high) == (0.5, 0.5)
    assert ratio_interval(np.array([1.0]), np.array([4.0])) == (0.25, 0.25)


@pytest.mark.parametrize("count", [0, 3])
def test_without_a_denominator_there_is_no_interval(count):
    nothing = np.zeros(count)
    with pytest.raises(ValueError, match=r"need at least one array|has no interval"):
        ratio_interval(nothing, nothing)
    with pytest.raises(ValueError, match=r"need at least one array|has no interval"):
        chosen_difference_interval([(nothing, nothing)], (nothing, nothing), higher_is_better=False)


def precision(draw: np.random.Generator, count: int, rate: float):
    """Hits among what a system said, of which there is another number in each utterance."""
    said = draw.integers(0, 5, count)
    return draw.binomial(said, rate).astype(float), said.astype(float)


def test_systems_with_denominators_of_their_own_are_compared_by_their_ratios():
    draw = np.random.default_rng(8)
    base, better = precision(draw, 300, 0.6), precision(draw, 300, 0.8)
    low, high = difference_interval(better, base)
    gain = better[0].sum() / better[1].sum() - base[0].sum() / base[1].sum()
    assert 0 < low < gain < high
    spread = np.sqrt(0.6 * 0.4 / base[1].sum() + 0.8 * 0.2 / better[1].sum())
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.15)


def test_the_choice_is_by_ratio_and_not_by_numerator():
    """One says much and half of it wrongly: it has more hits, and the lower precision."""
    words = np.full(60, 4.0)
    base, loud, careful = (words, 2 * words), (3 * words, 6 * words), (0.9 * words, words)
    chosen = chosen_difference_interval([loud, careful], base, higher_is_better=True)
    assert chosen == pytest.approx((0.4, 0.4))
    silent = (0 * words, 0 * words)
    assert chosen_difference_interval([silent, careful], base, higher_is_better=True) == chosen
