"""Every loss against the exact gradient, on a model small enough to enumerate.

The model says one of five texts: its parameters are their logits. So the expected reward, the
expected errors and their gradients are sums over five texts, and the mean of an estimate over all
draws of k texts is a sum over 5^k draws.
"""

from __future__ import annotations

import itertools
import math
from statistics import pstdev

import pytest
import torch

from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.selection import REFERENCE, Selected, SelectionContext

REGISTRY = discover("")
TEXTS = ("a", "a b", "a b c", "b", "c c")
LOGITS = (0.3, -0.2, 0.9, 0.1, -0.5)
REWARDS = (1.0, 0.25, 0.5, 0.0, 0.25)
ERRORS = (0.0, 1.0, 2.0, 1.0, 2.0)
CONTEXT = SelectionContext(task="asr", seed=0, threshold=0.0, keep_top_percent=50.0)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)


def rollout_of(draw: tuple[int, ...], reference: str | None = None) -> Rollout:
    """The rollout of one clip of which these texts were drawn, with their log-probabilities."""
    logprobs = torch.tensor(LOGITS, dtype=torch.float64).log_softmax(0).tolist()
    scored = []
    for place, i in enumerate(draw):
        edits = {"substitutions": ERRORS[i], "insertions": 0.0, "deletions": 0.0}
        said = Hypothesis(place, text=TEXTS[i], logprob=logprobs[i], tokens=len(TEXTS[i]))
        scored.append(ScoredHypothesis(said, {"wer": Score(REWARDS[i], metrics=edits)}, REWARDS[i]))
    return Rollout(AudioSample("clip", reference=reference), 1, scored)


def loss_of(selected: Selected, logits: torch.Tensor) -> torch.Tensor:
    """The loss of the one clip, as an update computes it."""
    if not selected.items:
        return 0 * logits.sum()
    items = sorted(selected.items, key=lambda item: item.target.index)
    said = [TEXTS.index(item.target.text or "") for item in items]
    tokens = torch.tensor([float(len(TEXTS[i])) for i in said], dtype=torch.float64)
    assert selected.loss is not None
    assert selected.divisor == "clips"
    return selected.loss.of_clip(items, logits.log_softmax(0)[said], tokens)


def gradient(loss: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(loss, logits)
    return found


def expectation(values: tuple[float, ...], logits: torch.Tensor) -> torch.Tensor:
    return (logits.softmax(0) * torch.tensor(values, dtype=torch.float64)).sum()


@pytest.mark.parametrize("k", [2, 3])
def test_rloo_is_the_gradient_of_the_expected_reward(logits, k):
    """The mean over every draw of k texts, each as likely as it is, is exact."""
    rule = REGISTRY.create("selections", "rloo")
    probabilities = logits.softmax(0).detach()
    estimate = torch.zeros_like(logits)
    for draw in itertools.product(range(5), repeat=k):
        loss = loss_of(rule.select([rollout_of(draw)], CONTEXT), logits)
        estimate += math.prod(float(probabilities[i]) for i in draw) * gradient(loss, logits)
    exact = gradient(-expectation(REWARDS, logits), logits)
    torch.testing.assert_close(estimate, exact, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("option", "unit"), [({}, pstdev([1.0, 0.0, 0.25]) + 1e-4), ({"normalize": False}, 1.0)]
)
def test_grpo_by_hand(logits, option, unit):
    rule = REGISTRY.create("selections", "grpo", **option)
    found = gradient(loss_of(rule.select([rollout_of((0, 3, 4))], CONTEXT), logits), logits)
    mean = (1.0 + 0.0 + 0.25) / 3
    logprobs = logits.log_softmax(0)
    by_hand = sum(-(REWARDS[i] - mean) / unit / 3 * logprobs[i] / len(TEXTS[i]) for i in (0, 3, 4))
    torch.testing.assert_close(found, gradient(by_hand, logits), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["rloo", "grpo"])
def test_a_hypothesis_that_has_strayed_the_way_it_is_pushed_is_pushed_no_further(logits, name):
    """Better ones up to 1 + clip, worse ones down to 1 − clip; never the other way round."""
    selected = REGISTRY.create("selections", name, clip=0.2).select([rollout_of((0, 3))], CONTEXT)
    items = sorted(selected.items, key=lambda item: item.target.index)
    assert [item.weight > 0 for item in items] == [True, False]
    before = torch.tensor([item.target.logprob for item in items], dtype=torch.float64)
    ones = torch.ones(2, dtype=torch.float64)
    for moved, pushed in (
        ((0.1, -0.1), (True, True)),
        ((0.3, -0.3), (False, False)),
        ((-0.3, 0.3), (True, True)),
    ):
        logprobs = (before + torch.tensor(moved)).requires_grad_()
        found = gradient(selected.loss.of_clip(items, logprobs, ones), logprobs)
        assert tuple(bool(value) for value in found) == pushed
        assert found[0] <= 0 <= found[1]


def test_mwer_is_the_gradient_of_the_expected_errors(logits):
    """With every text drawn, some of them twice, the renormalised posterior is the model's own."""
    rule = REGISTRY.create("selections", "mwer", transcripts=0)
    found = gradient(
        loss_of(rule.select([rollout_of((0, 1, 2, 3, 4, 2, 0))], CONTEXT), logits), logits
    )
    torch.testing.assert_close(
        found, gradient(expectation(ERRORS, logits), logits), atol=1e-12, rtol=0
    )


def test_mwer_of_some_texts_renormalises_and_adds_the_transcript(logits):
    rule = REGISTRY.create("selections", "mwer", transcripts=0.1)
    found = gradient(loss_of(rule.select([rollout_of((1, 2, 3), "a")], CONTEXT), logits), logits)
    drawn = logits[[1, 2, 3]].softmax(0)
    by_hand = (drawn * torch.tensor([1.0, 2.0, 1.0])).sum() - 0.1 * logits.log_softmax(0)[0]
    torch.testing.assert_close(found, gradient(by_hand, logits), atol=1e-12, rtol=0)


def test_mwer_without_word_errors_asks_for_wer_or_takes_the_reward(logits):
    from audioforge.errors import ConfigError

    rollout = rollout_of((0, 3))
    for scored in rollout.hypotheses:
        scored.scores = {"slots": Score(scored.reward)}
    with pytest.raises(ConfigError, match="mwer:risk=reward"):
        REGISTRY.create("selections", "mwer").select([rollout], CONTEXT)
    rule = REGISTRY.create("selections", "mwer", risk="reward", transcripts=0)
    assert [item.weight for item in rule.select([rollout], CONTEXT).items] == [0.0, 1.0]


@pytest.mark.parametrize("name", ["rloo", "grpo", "mwer", "weighted"])
def test_clips_whose_hypotheses_earn_the_same_are_left_out(name):
    options = {"transcripts": 0} if name == "mwer" else {}
    rollouts = [rollout_of((1, 1)), rollout_of((0, 3)), rollout_of((4, 4))]
    selected = REGISTRY.create("selections", name, **options).select(rollouts, CONTEXT)
    assert {item.target.text for item in selected.items} in ({"a"}, {"a", "b"})


def test_weighted_counts_each_text_once_and_a_clip_as_one():
    selected = REGISTRY.create("selections", "weighted", spread=0.5).select(
        [rollout_of((0, 2, 0, 3))], CONTEXT
    )
    total = math.exp(2) + math.exp(1) + 1
    assert {item.target.text: item.weight for item in selected.items} == pytest.approx(
        {"a": math.exp(2) / total, "a b c": math.exp(1) / total, "b": 1 / total}
    )


def test_top_n_keeps_the_best_and_no_text_twice():
    selected = REGISTRY.create("selections", "top-n", n=2).select(
        [rollout_of((3, 0, 2, 0))], CONTEXT
    )
    assert [(i.target.text, i.target.index) for i in selected.items] == [("a", 1), ("a b c", 2)]


@pytest.mark.parametrize(
    ("reference", "threshold", "expected"),
    [
        ("a b", 0.0, {("a", 0): 0.75, ("a b", REFERENCE): 0.25}),
        ("a b", 1.1, {("a b", REFERENCE): 1.0}),
        (None, 0.0, {("a", 0): 1.0}),
    ],
)
def test_mix_shares_a_clip_between_its_transcript_and_its_best(reference, threshold, expected):
    context = SelectionContext(task="asr", seed=0, threshold=threshold, keep_top_percent=50.0)
    selected = REGISTRY.create("selections", "mix", transcripts=0.25).select(
        [rollout_of((0, 3), reference)], context
    )
    assert {(i.target.text, i.target.index): i.weight for i in selected.items} == expected
