"""Properties of the draw."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audioforge_whisper.draw import BLOCK, draw, most_likely

SIZES = st.sampled_from([1, 2, 5, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])


def some_logits(seed, rows, size, spread):
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.normal(0, spread, (rows, size)).astype(np.float32))


@given(st.integers(0, 2**32), SIZES, st.floats(0.01, 30), st.data())
def test_draw_inverts_the_summed_probability(seed, size, spread, data):
    logits = some_logits(seed, 4, size, spread)
    values = data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4))
    tokens, totals = draw(logits, torch.tensor(values, dtype=torch.float64))
    assert totals.tolist() == pytest.approx(logits.double().logsumexp(-1).tolist(), abs=1e-6)
    ends = logits.double().softmax(-1).cumsum(-1)
    for row, (token, u) in enumerate(zip(tokens.tolist(), values, strict=True)):
        start = ends[row, token - 1].item() if token else 0.0
        assert start - 1e-6 <= u <= ends[row, token].item() + 1e-6


@given(st.integers(0, 2**32), SIZES, st.sampled_from([0.0, 1e-12, 0.5, 1 - 1e-16, 1 - 2**-53]))
def test_impossible_tokens_are_never_drawn(seed, size, u):
    logits = some_logits(seed, 3, size, 2.0)
    random = np.random.default_rng(seed)
    banned = torch.from_numpy(random.random((3, size)) < 0.7)
    banned[torch.arange(3), torch.from_numpy(random.integers(0, size, 3))] = False
    allowed = logits.masked_fill(banned, -torch.inf)
    tokens, _ = draw(allowed, torch.full((3,), u).double())
    assert not banned.gather(-1, tokens[:, None]).any()


def test_rows_do_not_touch_each_other():
    logits, u = some_logits(0, 50, 1000, 3.0), torch.rand(50, dtype=torch.float64)
    alone = [draw(logits[i : i + 1], u[i : i + 1])[0].item() for i in range(50)]
    assert draw(logits, u)[0].tolist() == alone


def test_frequencies_over_a_real_vocabulary():
    """Over 51,865 nearly equal tokens, draws spread evenly: no block or small token is lost."""
    size = 51_865
    logits = some_logits(1, 1, size, 0.1)
    u = torch.from_numpy(np.random.default_rng(2).random(4_000))
    tokens = torch.cat([draw(logits.expand(len(part), -1), part)[0] for part in u.split(500)])
    share = torch.bincount(tokens * 20 // size, minlength=20) / len(tokens)
    expected = torch.zeros(20, dtype=torch.float64).index_add(
        0, torch.arange(size) * 20 // size, logits.double().softmax(-1)[0]
    )
    assert (share - expected).abs().max() < 5 * (0.05 * 0.95 / len(tokens)) ** 0.5


@given(st.integers(0, 2**32), SIZES)
def test_the_most_likely_token_is_the_first_of_the_largest(seed, size):
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.integers(-3, 3, (4, size)).astype(np.float32))
    first = [row.index(max(row)) for row in logits.tolist()]
    assert most_likely(logits).tolist() == first
