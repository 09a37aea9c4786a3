"""Labels are drawn from the posterior, each by its own key."""

from collections import Counter

import numpy as np
import pytest
from attrs import evolve

from audioforge.model import GREEDY, SamplingParams
from audioforge_classification.draw import draw_labels

LOGITS = np.log([[0.5, 0.3, 0.15, 0.05], [0.05, 0.05, 0.1, 0.8]])
IDS = ["a", "b"]


def shares(params, k=4000):
    """How often each label of the first clip is drawn."""
    counts = Counter(draw_labels(LOGITS, IDS, k, params)[0].tolist())
    return [counts[label] / k for label in range(4)]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (SamplingParams(), [0.5, 0.3, 0.15, 0.05]),
        (SamplingParams(temperature=0.5), np.array([0.25, 0.09, 0.0225, 0.0025]) / 0.365),
        (SamplingParams(top_k=2), [0.625, 0.375, 0, 0]),
        (SamplingParams(top_k=1), [1, 0, 0, 0]),
        (SamplingParams(top_k=9), [0.5, 0.3, 0.15, 0.05]),
        (SamplingParams(top_p=0.6), [0.625, 0.375, 0, 0]),
        (SamplingParams(top_p=0.01), [1, 0, 0, 0]),
        (SamplingParams(top_k=3, top_p=0.5), [1, 0, 0, 0]),
    ],
)
def test_labels_are_drawn_by_their_probability(params, expected):
    drawn = shares(params)
    assert drawn == pytest.approx(expected, abs=0.025)
    assert [share == 0 for share in drawn] == [share == 0 for share in expected]


def test_a_draw_depends_on_its_key_and_on_nothing_else():
    params = SamplingParams(seed=3, cycle=2)
    both = draw_labels(LOGITS, IDS, 64, params)
    assert (draw_labels(LOGITS[::-1], IDS[::-1], 64, params)[::-1] == both).all()
    assert (draw_labels(LOGITS[1:], IDS[1:], 16, params)[0] == both[1, :16]).all()
    for other in (evolve(params, seed=4), evolve(params, cycle=3)):
        assert (draw_labels(LOGITS, IDS, 64, other) != both).any()
    assert (draw_labels(LOGITS[[0, 0]], IDS, 64, params)[1] != both[0]).any()


def test_extreme_logits_draw_only_what_is_possible():
    logits = np.array([[0.0, -np.inf, -1e9, 1000.0], [-np.inf, 0.0, -np.inf, -np.inf]])
    drawn = draw_labels(logits, IDS, 200, SamplingParams())
    assert set(drawn[0].tolist()) == {3}
    assert set(drawn[1].tolist()) == {1}


def test_greedy_is_the_most_likely_label():
    assert draw_labels(LOGITS, IDS, 1, GREEDY).tolist() == [[0], [3]]


def test_hypotheses_state_their_probability_at_temperature_one(untrained, load, clips):
    adapter = load(untrained("whisper"))
    batch = adapter.prepare(clips(3))
    plain = adapter.sample(batch, 200, SamplingParams())
    hot = adapter.sample(batch, 200, SamplingParams(temperature=9.0, top_k=3))
    for cool_row, hot_row in zip(plain, hot, strict=True):
        known = {h.label: h.logprob for h in cool_row}
        assert sum(np.exp(list(known.values()))) == pytest.approx(1, abs=1e-6)
        assert all(known[h.label] == h.logprob for h in hot_row)
        assert [h.index for h in hot_row] == list(range(200))
