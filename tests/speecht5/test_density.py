"""How likely a spectrogram is: what a policy gradient moves towards and away from."""

import pytest
import torch
from attrs import evolve

from audioforge.model import SamplingParams
from audioforge_speecht5.drawing import Texts
from audioforge_speecht5.loss import follow


def drawn(adapter, clip, k=2):
    """Return a batch of one text, and draws of it."""
    batch = adapter.prepare([clip])
    (own,) = adapter.sample(batch, k, SamplingParams(max_new_tokens=8))
    return batch, own


def likelihood(adapter, batch, target):
    """Return the log-density of one draw of a batch of one, with gradients."""
    return adapter.logprobs(batch, [[target]]).logprobs[0]


def test_it_is_half_the_squared_distance_to_what_is_written(adapter, clips):
    batch, (target, _) = drawn(adapter, clips("one two")[0])
    mel = torch.from_numpy(target.features)
    texts = Texts(adapter._encoded(batch), batch.mask, batch.voices)
    drop = adapter._masks(batch.samples, [0], SamplingParams(temperature=0)).of_first(8)
    written = follow(adapter.module, texts, [(mel, False)], drop)
    expected = sum(
        torch.distributions.Normal(one[0, : len(mel)], 1.0).log_prob(mel).sum()
        - torch.distributions.Normal(0.0, 1.0).log_prob(torch.zeros(())) * mel.numel()
        for one in (written.before, written.after)
    )
    found = adapter.logprobs(batch, [[target]])
    assert found.logprobs.item() == pytest.approx(expected.item() / 2, rel=1e-4)
    assert found.tokens.item() == len(mel) / adapter.module.config.reduction_factor


def test_targets_of_one_text_are_as_likely_as_each_by_itself(adapter, clips):
    one, two = clips("one", "turn the second valve")
    _, own = drawn(adapter, one, 3)
    _, other = drawn(adapter, two, 2)
    together = adapter.logprobs(adapter.prepare([one, two]), [own, other])
    alone = [
        likelihood(adapter, adapter.prepare([clip]), target).item()
        for clip, targets in ((one, own), (two, other))
        for target in targets
    ]
    assert together.logprobs.tolist() == pytest.approx(alone, rel=1e-4)


def test_a_step_up_makes_a_draw_likelier(load, small, clips):
    adapter = load(small)
    batch, (good, bad) = drawn(adapter, clips("one two three")[0])
    optimizer = torch.optim.SGD(adapter.module.parameters(), lr=1e-5)
    before = [likelihood(adapter, batch, target).item() for target in (good, bad)]
    gain = likelihood(adapter, batch, good) - likelihood(adapter, batch, bad)
    (-gain).backward()
    optimizer.step()
    batch = adapter.prepare(clips("one two three"))
    after = [likelihood(adapter, batch, target).item() for target in (good, bad)]
    assert after[0] - after[1] > before[0] - before[1]


def test_in_training_the_dropout_is_torchs(load, small, clips):
    """Gradient checkpointing needs that mode; otherwise the engine leaves nothing to chance."""
    adapter = load(small)
    batch, (target, _) = drawn(adapter, clips("one")[0])
    module = adapter.module.train()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(likelihood(adapter, batch, target).item())
    assert found[0] == found[1] != found[2]
    assert module.training
    module.eval()
    sure = {likelihood(adapter, batch, target).item() for _ in range(2)}
    assert len(sure) == 1


def test_what_was_drawn_counts_and_not_its_sound(adapter, clips):
    batch, (target, _) = drawn(adapter, clips("one")[0])
    silent = evolve(target, audio=target.audio * 0)
    first, second = (likelihood(adapter, batch, each).item() for each in (target, silent))
    assert first == second
