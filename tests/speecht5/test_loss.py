"""The loss is Transformers' own, utterance by utterance; what was drawn is what is learnt."""

import numpy as np
import pytest
import torch
from attrs import evolve

from audioforge.errors import AudioError
from audioforge.model import SamplingParams, TrainOptions
from audioforge.sample import Hypothesis
from audioforge_kit.examples import speech_like


def spoken(seconds=0.5, **fields):
    return Hypothesis(audio=speech_like(seconds, "voice"), sampling_rate=16_000, **fields)


def gradients(module):
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def transformers_loss(adapter, batch, target):
    """Return Transformers' loss of one utterance, with the statistics of batch norm fixed."""
    model = adapter.module
    for layer in model.speech_decoder_postnet.layers:
        layer.batch_norm.eval()
    mels = adapter.extractor(audio_target=target.audio, sampling_rate=16_000).input_values[0]
    labels = torch.tensor(mels[: len(mels) // 2 * 2])[None]
    return model(
        input_ids=batch.tokens, attention_mask=batch.mask, speaker_embeddings=batch.voices,
        labels=labels, decoder_attention_mask=torch.ones(labels.shape[:2]),
    ).loss  # fmt: skip


def test_one_utterance_equals_transformers(load, small, clips):
    """The loss and every gradient, with the dropout of training."""
    adapter = load(small)
    module, batch, target = adapter.module.train(), adapter.prepare(clips("one two")), spoken(0.51)
    losses, found = [], []
    for compute in (
        lambda: adapter.loss(batch, [target], [1.0]),
        lambda: transformers_loss(adapter, batch, target),
    ):
        module.zero_grad()
        torch.manual_seed(3)
        loss = compute()
        loss.backward()
        losses.append(loss.item())
        found.append(gradients(module))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[1].items():
        torch.testing.assert_close(found[0][name], gradient, rtol=1e-3, atol=1e-5)


def test_drawn_utterances_add_up(adapter, clips):
    """Of several lengths, in evaluation mode, where nothing is left to chance."""
    texts = clips("one", "turn the second valve", "two three")
    drawn = adapter.sample(adapter.prepare(texts), 1, SamplingParams(max_tokens_per_second=12))
    targets = [own[0] for own in drawn]
    assert len({len(t.features) for t in targets}) > 1
    weights = [1.0, 0.5, 2.0]
    whole = adapter.loss(adapter.prepare(texts), targets, weights).item()
    parts = [
        adapter.loss(adapter.prepare([clip]), [target], [weight]).item()
        for clip, target, weight in zip(texts, targets, weights, strict=True)
    ]
    assert whole == pytest.approx(sum(parts), rel=1e-5)


def test_what_was_drawn_is_learnt_and_not_its_sound(adapter, clips):
    batch = adapter.prepare(clips("one"))
    ((drawn,),) = adapter.sample(batch, 1, SamplingParams(max_new_tokens=10))
    noise = evolve(drawn, audio=speech_like(1.0, "other"))
    loss = adapter.loss(batch, [drawn], [1.0]).item()
    assert adapter.loss(batch, [noise], [1.0]).item() == loss
    assert adapter.loss(batch, [evolve(drawn, features=None)], [1.0]).item() != loss


def test_of_a_cut_target_no_end_is_learnt(load, small, clips):
    adapter = load(small)
    batch, target = adapter.prepare(clips("one")), spoken()
    ends = adapter.module.speech_decoder_postnet.prob_out
    sums = []
    for cut in (False, True):
        adapter.module.zero_grad()
        loss = adapter.loss(batch, [evolve(target, cut=cut)], [1.0])
        loss.backward()
        sums.append((loss.item(), ends.bias.grad[-1].item()))
    (whole, to_end), (cut, to_go_on) = sums
    assert cut < whole
    assert to_end < to_go_on, "the last frame of a whole one raises the probability of an end"
    assert to_go_on > 0, "the frames before it lower it"


def test_a_recording_at_another_rate_is_refused(adapter, clips):
    target = evolve(spoken(), sampling_rate=22_050)
    with pytest.raises(AudioError, match="22050 Hz"):
        adapter.loss(adapter.prepare(clips("one")), [target], [1.0])


@pytest.mark.parametrize("seconds", [0.01, 20.0])
def test_recordings_that_cannot_be_learnt_are_told(adapter, clips, seconds):
    (clip,) = clips("one")
    sound = Hypothesis(audio=np.zeros(round(16_000 * seconds), np.float32), sampling_rate=16_000)
    assert "the model learns 0.032 to 16 s" in adapter.target_problem(clip.sample, sound)
    assert adapter.target_problem(clip.sample, spoken()) is None


def test_what_cannot_be_spelt_is_told(adapter, clips):
    known, unknown = clips("don't turn it", "3 valves, é")
    assert adapter.target_problem(known.sample, spoken()) is None
    assert "no token for ',', '3', 'é'" in adapter.target_problem(unknown.sample, spoken())
    (marked,) = clips("one </s> two")
    assert "no token for '</s>'" in adapter.target_problem(marked.sample, spoken())


@pytest.mark.parametrize(
    ("trainable", "read", "written"), [("frozen-encoder", False, True), ("full", True, True)]
)
def test_which_weights_are_trained(load, small, trainable, read, written):
    adapter = load(small)
    adapter.make_trainable(TrainOptions(trainable))
    model = adapter.module
    assert {p.requires_grad for p in model.speecht5.encoder.parameters()} == {read}
    assert {p.requires_grad for p in model.speech_decoder_postnet.parameters()} == {written}


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
