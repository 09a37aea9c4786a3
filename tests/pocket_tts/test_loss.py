"""The loss is Transformers' own, utterance by utterance; what was drawn is what is learnt."""

import numpy as np
import pytest
import torch
from attrs import evolve

from audioforge.errors import AudioError, ConfigError
from audioforge.model import SamplingParams, TrainOptions
from audioforge.sample import Hypothesis
from audioforge_kit.examples import speech_like
from audioforge_pocket_tts.adapter import _seed

DRAWN = SamplingParams(max_new_tokens=20)


def spoken(seconds=0.6, **fields):
    return Hypothesis(audio=speech_like(seconds, "v", 24_000), sampling_rate=24_000, **fields)


def gradients(module):
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("step", [None, 3, 5, 6, 7])
def test_one_utterance_equals_transformers(load, small, clips, asked, step):
    """The loss and every gradient, in evaluation, and in steps with and without distillation."""
    adapter = load(small)
    module, (clip,), target = adapter.module.train(step is not None), clips("one two"), spoken()
    module.config.latent_stats_ema_steps = 0  # Transformers would move them by its first batches
    for parameter in module.loss_weighting.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.manual_seed(step or 0)
    adapter.loss(adapter.prepare([clip]), [target], [1.0]).backward()
    own = gradients(module)
    torch.manual_seed(step or 0)
    loss = adapter.loss(adapter.prepare([clip]), [target], [1.0]).item()

    module.zero_grad()
    voice = torch.from_numpy(adapter._checkpoint.voices.own)
    labels = adapter.codec.latents(target.audio, end_on_pause=False)
    inputs = asked(adapter, "one two", audio_prompt_latents=[voice], labels=[labels])
    seed = _seed(step or 0, clip.sample, target)
    torch.manual_seed(seed)
    module.distill_generator.manual_seed(seed + 1)
    theirs = module(**inputs).loss
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-5)
    assert own.keys() == gradients(module).keys()
    assert len(own) > 50
    for name, gradient in gradients(module).items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-3, atol=1e-5)


def test_drawn_utterances_add_up_while_training(load, small, clips):
    """Of several lengths, with voices; each is drawn as if it were alone in the step."""
    adapter = load(small)
    texts = clips("one", "turn the second valve", "two three")
    targets = [own[0] for own in adapter.sample(adapter.prepare(texts), 1, DRAWN)]
    assert len({len(t.features) for t in targets}) > 1
    weights, module = [1.0, 0.5, 2.0], adapter.module.train()
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    torch.manual_seed(11)
    whole = adapter.loss(adapter.prepare(texts), targets, weights).item()
    parts = [
        adapter.loss(adapter.prepare([clip]), [target], [weight]).item()
        for clip, target, weight in zip(texts, targets, weights, strict=True)
    ]
    assert whole == pytest.approx(sum(parts), rel=1e-4)
    torch.manual_seed(12)
    assert adapter.loss(adapter.prepare(texts), targets, weights).item() != whole
    for name, buffer in module.named_buffers():
        assert torch.equal(buffer, before[name]), f"{name} is the checkpoint's"


def test_what_was_drawn_is_learnt_and_not_its_sound(adapter, clips):
    batch = adapter.prepare(clips("one"))
    ((drawn,),) = adapter.sample(batch, 1, DRAWN)
    noise = evolve(drawn, audio=speech_like(1.0, "other", 24_000))
    loss = adapter.loss(batch, [drawn], [1.0]).item()
    assert adapter.loss(batch, [noise], [1.0]).item() == loss
    assert adapter.loss(batch, [evolve(drawn, features=None)], [1.0]).item() != loss


def test_of_a_cut_target_no_end_is_learnt(load, small, clips):
    adapter = load(small)
    batch, target = adapter.prepare(clips("one")), spoken()
    sums = []
    for cut in (False, True):
        adapter.module.zero_grad()
        adapter.loss(batch, [evolve(target, cut=cut)], [1.0]).backward()
        sums.append(adapter.module.eos_head.bias.grad.item())
    whole, cut = sums
    assert whole < cut, "the end of a whole one raises its probability"
    assert cut > 0, "the frames before it lower it"


def test_a_recording_at_another_rate_is_refused(adapter, clips):
    target = evolve(spoken(), sampling_rate=16_000)
    with pytest.raises(AudioError, match="16000 Hz"):
        adapter.loss(adapter.prepare(clips("one")), [target], [1.0])


@pytest.mark.parametrize("seconds", [0.01, 45.0])
def test_recordings_that_cannot_be_learnt_are_told(adapter, clips, seconds):
    (clip,) = clips("one")
    sound = Hypothesis(audio=np.zeros(round(24_000 * seconds), np.float32), sampling_rate=24_000)
    assert "the model learns 0.08 to 40.96 s" in adapter.target_problem(clip.sample, sound)
    assert adapter.target_problem(clip.sample, spoken()) is None


def test_what_cannot_be_spelt_is_told(adapter, clips):
    known, unknown = clips("don't turn it.", "3 valves, é")
    assert adapter.target_problem(known.sample, spoken()) is None
    assert "no token for '3', 'é'" in adapter.target_problem(unknown.sample, spoken())


@pytest.mark.parametrize("trainable", ["default", "lora"])
def test_which_weights_are_trained(load, small, clips, trainable):
    adapter = load(small)
    adapter.make_trainable(TrainOptions(trainable))
    adapter.loss(adapter.prepare(clips("one two")), [spoken()], [1.0]).backward()
    reached = {n for n, p in adapter.module.named_parameters() if p.grad is not None}
    assert reached == {n for n, p in adapter.module.named_parameters() if p.requires_grad}
    updates = {n for n in reached if ".lora_" in n}
    assert len(updates) == (2 * 2 * 2 if trainable == "lora" else 0)
    assert updates == reached or trainable != "lora"


def test_there_is_no_encoder_to_freeze(load, small):
    with pytest.raises(ConfigError, match="choose full, or lora"):
        load(small).make_trainable(TrainOptions("frozen-encoder"))


def test_gradient_checkpointing_changes_no_gradient(load, small, clips):
    found = []
    for checkpointing in (False, True):
        adapter = load(small)
        if checkpointing:
            adapter.checkpoint_gradients()
        adapter.module.train()
        torch.manual_seed(3)
        adapter.loss(adapter.prepare(clips("one two")), [spoken()], [1.0]).backward()
        found.append(gradients(adapter.module))
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6)
