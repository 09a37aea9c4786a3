"""Checking what a model adapter tells of how likely targets are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from attrs import evolve

from audioforge.isolation.copies import copies_for_adapter
from audioforge.model import GREEDY, ModelAdapter
from audioforge.sample import Clip, Hypothesis
from audioforge_kit.contract import expect


def check_likelihoods(
    adapter: ModelAdapter, clips: Sequence[Clip], targets: Sequence[Hypothesis]
) -> None:
    """Check that several targets of a clip are as likely as each by itself, and as the loss says.

    And as likely once the batch was sampled, and in a part of it. Where the loss is no likelihood
    (`loss_is_likelihood`), it is not asked.

    Args:
        adapter: The adapter, in evaluation mode.
        clips: The clips of its example.
        targets: What can be learnt of each.

    Raises:
        ContractError: If they are not.
    """
    if type(adapter).logprobs is ModelAdapter.logprobs:
        return
    # The first clip has every target that it can learn, each other clip its own.
    learnable = [t for t in targets if adapter.target_problem(clips[0].sample, t) is None]
    rows = [learnable, *([target] for target in targets[1:])]
    places = [clip for clip, texts in enumerate(rows) for _ in texts]
    said = [target for texts in rows for target in texts]
    with torch.no_grad():
        found = adapter.logprobs(adapter.prepare(copies_for_adapter(clips)), rows)
        alone = [_alone(adapter, clips[p], t) for p, t in zip(places, said, strict=True)]
    shape = (len(said),)
    expect(found.logprobs.shape == shape, f"logprobs has the shape {tuple(found.logprobs.shape)}")
    expect(found.tokens.shape == shape, f"tokens has the shape {tuple(found.tokens.shape)}")
    expect(bool((found.tokens >= 1).all()), f"tokens has {found.tokens.min().item()}")
    means = -found.logprobs / found.tokens
    near = torch.allclose(means.float(), means.new_tensor(alone).float(), rtol=1e-3, atol=1e-3)
    what = "the loss is" if adapter.loss_is_likelihood else "that of each target alone"
    expect(near, f"a mean over tokens is {means.tolist()}, and {what} {alone}")
    _check_sampled(adapter, clips, rows, means.float())


def _check_sampled(
    adapter: ModelAdapter,
    clips: Sequence[Clip],
    rows: Sequence[Sequence[Hypothesis]],
    expected: torch.Tensor,
) -> None:
    """Check what is told of a batch that was sampled, as a verifier has it, and of its last clip.

    Args:
        adapter: The adapter.
        clips: The clips of its example.
        rows: Targets of each clip.
        expected: Mean negative log-likelihood of each of them.
    """
    with torch.inference_mode():
        batch = adapter.prepare(copies_for_adapter(clips))
        adapter.sample(batch, 1, evolve(GREEDY, max_new_tokens=4))
        sampled = adapter.logprobs(batch, rows)
        part = adapter.part(batch, [len(clips) - 1])
        last = sampled if part is None else adapter.logprobs(part, rows[-1:])
    for what, found, those in (
        ("a batch that was sampled", sampled, expected),
        ("a part of one", last, expected if part is None else expected[-len(rows[-1]) :]),
    ):
        means = (-found.logprobs / found.tokens).float()
        near = torch.allclose(means, those.to(means), rtol=1e-3, atol=1e-3)
        expect(near, f"logprobs of {what} are {means.tolist()} a token, else {those.tolist()}")


def _alone(adapter: ModelAdapter, clip: Clip, target: Hypothesis) -> float:
    """Return the mean negative log-likelihood of one target of one clip, as the adapter says it."""
    batch = adapter.prepare(copies_for_adapter([clip]))
    if adapter.loss_is_likelihood:
        return float(adapter.loss(batch, [target], [1]))
    found = adapter.logprobs(batch, [[target]])
    return float((-found.logprobs / found.tokens)[0])
