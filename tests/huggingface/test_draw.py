"""Properties of truncation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audioforge.huggingface.draw import truncate

SIZES = st.sampled_from([1, 2, 5, 255, 256, 257, 775])


def some_logits(seed, rows, size, spread):
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.normal(0, spread, (rows, size)).astype(np.float32))


@given(st.integers(0, 2**32), SIZES, st.integers(1, 600))
def test_top_k_keeps_the_k_best(seed, size, top_k):
    logits = some_logits(seed, 3, size, 2.0)
    kept = truncate(logits, top_k, 1.0)
    finite = kept.isfinite()
    assert finite.sum(-1).tolist() == [min(top_k, size)] * 3
    assert torch.equal(kept[finite], logits[finite])
    worst_kept = kept.masked_fill(~finite, torch.inf).amin(-1)
    best_dropped = logits.masked_fill(finite, -torch.inf).amax(-1)
    assert (worst_kept >= best_dropped).all()


@given(st.integers(0, 2**32), SIZES, st.floats(0.001, 0.999), st.sampled_from([0, 40]))
def test_top_p_keeps_the_smallest_set_that_reaches_p(seed, size, top_p, top_k):
    logits = some_logits(seed, 3, size, 2.0)
    probabilities = truncate(logits, top_k, 1.0).double().softmax(-1)
    finite = truncate(logits, top_k, top_p).isfinite()
    mass = (probabilities * finite).sum(-1)
    assert (mass >= top_p - 1e-5).all()
    least = probabilities.masked_fill(~finite, torch.inf).amin(-1)
    assert (mass - least < top_p + 1e-5).all()
    assert finite.gather(-1, logits.argmax(-1, keepdim=True)).all()


def test_truncation_off_is_no_change():
    logits = some_logits(0, 2, 100, 1.0)
    assert truncate(logits, 0, 1.0) is logits


@pytest.mark.parametrize("top_p", [0.3, 0.9])
@pytest.mark.parametrize("top_k", [0, 3, 50])
def test_truncation_equals_transformers(top_k, top_p):
    from transformers import TopKLogitsWarper, TopPLogitsWarper

    logits = some_logits(4, 5, 300, 2.0)
    expected = TopKLogitsWarper(top_k)(None, logits) if top_k else logits
    expected = TopPLogitsWarper(top_p)(None, expected)
    assert torch.equal(truncate(logits, top_k, top_p), expected)


def test_top_k_and_top_p_narrow_each_frame():
    logits = torch.tensor([[0.5, 0.2, 0.2, 0.1], [0.1, 0.1, 0.1, 0.7]]).log()
    kept = truncate(logits, 1, 1.0).isfinite()
    assert kept.tolist() == [[True, False, False, False], [False, False, False, True]]
    assert truncate(logits, 0, 0.6).isfinite().sum(-1).tolist() == [2, 1]
    assert torch.equal(truncate(logits, 0, 1.0), logits)
