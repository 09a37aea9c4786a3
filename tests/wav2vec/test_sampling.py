"""Draws follow the frame posteriors, and depend on their keys alone."""

import itertools
import math
from collections import Counter, defaultdict

import pytest
import torch

from audioforge.model import GREEDY, SamplingParams


def texts(rows):
    return [[h.text for h in row] for row in rows]


@pytest.fixture
def four_frames(load, untrained, noise_clip):
    """A model of two letters on a clip of four frames, whose 625 paths can all be listed.

    The tokens that are no text have no probability.
    """
    adapter = load(untrained("wav2vec2", characters="|AB"))
    with torch.no_grad():
        adapter.module.lm_head.bias[1:4] = -1e4
    batch = adapter.prepare([noise_clip(400 + 3 * 320)])
    assert batch.frames == (4,)
    return adapter, batch


def brute_force(adapter, batch, temperature=1.0):
    """Return the probability of every collapsed token sequence, by listing all paths."""
    with torch.no_grad():
        logits = adapter.module(**batch.inputs).logits[0].double()
    posterior = (logits / temperature).softmax(-1)
    said = [0, 4, 5, 6]
    sums = defaultdict(float)
    for path in itertools.product(said, repeat=len(posterior)):
        collapsed = tuple(t for t, _ in itertools.groupby(path) if t != 0)
        probability = math.prod(posterior[f, t].item() for f, t in enumerate(path))
        sums[collapsed] += probability
    return sums


def as_text(tokens):
    return "".join(" AB"[t - 4] for t in tokens).strip()


def test_log_probability_is_the_sum_over_all_paths(four_frames):
    adapter, batch = four_frames
    expected = brute_force(adapter, batch)
    assert sum(expected.values()) == pytest.approx(1)
    [row] = adapter.sample(batch, 200, SamplingParams())
    by_text = defaultdict(set)
    for tokens, probability in expected.items():
        by_text[as_text(tokens), len(tokens)].add(round(math.log(probability), 4))
    for h in row:
        assert any(abs(h.logprob - logp) < 2e-4 for logp in by_text[h.text, h.tokens])
    assert len({h.text for h in row}) > 5


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_texts_are_as_frequent_as_their_paths_are_likely(four_frames, temperature):
    adapter, batch = four_frames
    expected = defaultdict(float)
    for tokens, probability in brute_force(adapter, batch, temperature).items():
        expected[as_text(tokens)] += probability
    draws = 20_000
    [row] = adapter.sample(batch, draws, SamplingParams(temperature=temperature))
    counts = Counter(h.text for h in row)
    common = [text for text, p in expected.items() if p * draws > 20]
    assert len(common) > 5
    for text in common:
        p = expected[text]
        assert abs(counts[text] / draws - p) < 4.5 * math.sqrt(p * (1 - p) / draws)


def test_log_probability_is_minus_the_loss(nano, digit_clips):
    clips = digit_clips(4)
    for clip in clips:
        batch = nano.prepare([clip])
        for h in nano.sample(batch, 6, SamplingParams())[0]:
            if "  " in h.text or h.tokens != len(h.text):
                continue  # drawn with a word delimiter more than its text has
            with torch.no_grad():
                loss = nano.loss(batch, [h], [1.0]).item()
            assert h.logprob == pytest.approx(-loss * h.tokens, rel=1e-4)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_batches_padding_and_order_do_not_change_draws(load, untrained, noise_clip, norm):
    adapter = load(untrained("wav2vec2", feat_extract_norm=norm))
    clips = [noise_clip(5_000 + 700 * i, f"clip-{i}") for i in range(12)]
    k, params = 8, SamplingParams(seed=5, cycle=2)
    together = dict(
        zip(clips, texts(adapter.sample(adapter.prepare(clips), k, params)), strict=True)
    )
    backwards = clips[::-1]
    for start in range(0, len(clips), 5):
        part = backwards[start : start + 5]
        for clip, row in zip(part, adapter.sample(adapter.prepare(part), k, params), strict=True):
            assert [h.text for h in row] == together[clip]


def test_one_pass_serves_all_hypotheses(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    seen = []
    adapter.module.lm_head.register_forward_hook(lambda m, i, output: seen.append(output.shape[0]))
    adapter.sample(adapter.prepare(digit_clips(6)), 64, SamplingParams())
    assert seen == [6]


def test_marks_are_never_drawn(load, untrained, noise_clip):
    adapter = load(untrained("wav2vec2"))
    with torch.no_grad():
        adapter.module.lm_head.bias[1:4] = 5.0
    batch = adapter.prepare([noise_clip(16_000)])
    assert "<" in adapter.sample(batch, 1, GREEDY)[0][0].text
    assert not any("<" in h.text for h in adapter.sample(batch, 50, SamplingParams())[0])


def test_longest_output(nano, digit_clips):
    batch = nano.prepare(digit_clips(3))
    rows = nano.sample(batch, 4, SamplingParams(max_new_tokens=3))
    assert {h.tokens for row in rows for h in row} == {3}
    assert all(len(h.text) <= 3 for row in rows for h in row)
    assert all(h.cut for row in rows for h in row)
    problem = nano.target_problem(batch.samples[0], rows[0][0])
    assert problem == "a length limit cut the target, and CTC learns whole clips only"
    free = nano.sample(batch, 4, SamplingParams(max_tokens_per_second=0.1))
    assert not any(h.cut for row in free for h in row), "a clip's frames are limit enough"


def test_bfloat16_autocast_says_nearly_the_same(nano, digit_clips):
    batch = nano.prepare(digit_clips(32))
    exact = nano.sample(batch, 1, GREEDY)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = nano.sample(batch, 1, GREEDY)
        drawn = nano.sample(batch, 4, SamplingParams())
    assert sum(a.text == b.text for [a], [b] in zip(exact, rounded, strict=True)) >= 20
    assert all(math.isfinite(h.logprob) and h.logprob <= 0 for row in drawn for h in row)
