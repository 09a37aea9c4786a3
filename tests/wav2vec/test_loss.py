"""The loss is Transformers' CTC loss per utterance; what cannot be learnt is named."""

import numpy as np
import pytest
import soundfile
import torch
from attrs import evolve

from audioforge.errors import TrainingError
from audioforge.model import SamplingParams
from audioforge.sample import AudioSample, Clip, Hypothesis

TEXT = "WE'RE HERE ALL"


def gradients(module):
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def transformers_loss(model, processor, clips, texts, reduction):
    """Return Transformers' loss and gradients of a padded batch."""
    model.config.ctc_loss_reduction = reduction
    inputs = processor(
        [clip.waveform for clip in clips], sampling_rate=16_000, padding=True, return_tensors="pt"
    )
    rows = [torch.tensor(processor.tokenizer(text).input_ids) for text in texts]
    labels = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
    model.zero_grad()
    loss = model(**inputs, labels=labels).loss
    loss.backward()
    return loss.item(), gradients(model), [len(row) for row in rows]


def own_loss(adapter, clips, texts, weights):
    adapter.module.zero_grad()
    loss = adapter.loss(adapter.prepare(clips), [Hypothesis(text=t) for t in texts], weights)
    loss.backward()
    return loss.item(), gradients(adapter.module)


def assert_close(ours, theirs, scale=1.0):
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        limit = 1e-5 * max(1.0, gradient.abs().max().item())
        torch.testing.assert_close(ours[name] * scale, gradient, rtol=1e-4, atol=limit)


def test_one_utterance_equals_transformers(load, untrained, family, plain, noise_clip):
    """The loss of weight 1 is Transformers' "mean"; its "sum" is that times the tokens."""
    folder, clips = untrained(family), [noise_clip(16_000)]
    loss, grads = own_loss(load(folder), clips, [TEXT], [1.0])
    mean, mean_grads, [tokens] = transformers_loss(*plain(folder), clips, [TEXT], "mean")
    assert tokens == len(TEXT)
    assert loss == pytest.approx(mean, rel=1e-5)
    assert_close(grads, mean_grads)
    total, sum_grads, _ = transformers_loss(*plain(folder), clips, [TEXT], "sum")
    assert loss * tokens == pytest.approx(total, rel=1e-5)
    assert_close(grads, sum_grads, scale=tokens)


def test_trained_model_equals_transformers(load, nano_folder, plain, digit_clips):
    for clip in digit_clips(5):
        text = clip.sample.reference.upper()
        loss, grads = own_loss(load(nano_folder), [clip], [clip.sample.reference], [1.0])
        theirs, their_grads, _ = transformers_loss(*plain(nano_folder), [clip], [text], "mean")
        assert loss == pytest.approx(theirs, rel=1e-5)
        assert_close(grads, their_grads)


def test_padded_batch_equals_transformers(load, untrained, plain, noise_clip):
    """Transformers' "mean" of a batch is the mean of ours, which is a sum of weighted means."""
    folder = untrained("wav2vec2", feat_extract_norm="layer")
    clips = [noise_clip(16_000, "a"), noise_clip(9_000, "bb"), noise_clip(24_000, "ccc")]
    texts = [TEXT, "ONE", "QUITE A LONG ONE"]
    loss, grads = own_loss(load(folder), clips, texts, [1 / 3] * 3)
    theirs, their_grads, _ = transformers_loss(*plain(folder), clips, texts, "mean")
    assert loss == pytest.approx(theirs, rel=1e-5)
    assert_close(grads, their_grads)


def test_case_and_punctuation_are_the_models(nano, load, untrained, digit_clips, noise_clip):
    batch = nano.prepare(digit_clips(1))
    [a, b, c] = [
        nano.loss(batch, [Hypothesis(text=text)], [1.0]).item()
        for text in ("ONE TWO", "  One,  two!\n", "one—two")
    ]
    assert a == b == c
    adapter = load(untrained("wav2vec2"))
    batch = adapter.prepare([noise_clip(16_000)])
    typographic, plain_one = (
        adapter.loss(batch, [Hypothesis(text=text)], [1.0]).item()
        for text in ("don’t “go”", "DON'T GO")
    )
    assert typographic == plain_one


def test_unknown_characters_are_counted_and_named(nano, digit_clips):
    [clip] = digit_clips(1)
    problem = nano.target_problem(clip.sample, Hypothesis(text="Zwölf ÖRE & 5,00 €, 5"))
    for named in ("'0' (2)", "'5' (2)", "'ö' (1)", "'Ö' (1)", "'&' (1)", "'€' (1)"):
        assert named in problem
    assert "','" not in problem
    assert nano.target_problem(clip.sample, Hypothesis(text="Well-known, isn’t it? «Yes»")) is None
    many = nano.target_problem(clip.sample, Hypothesis(text="абвгдежзик"))
    assert many.count("(1)") == 8
    assert "and 2 more" in many


def test_targets_longer_than_the_clip_are_named(nano, noise_clip, tmp_path):
    """10 frames hold 10 different letters, and 5 equal ones with 4 blanks between."""
    clip = noise_clip(400 + 9 * 320)
    for text in ("ABCDEFGHIJ", "AAAAA"):
        assert nano.target_problem(clip.sample, Hypothesis(text=text)) is None
    for text, needed in (("ABCDEFGHIJK", 11), ("AAAAAA", 11)):
        problem = nano.target_problem(clip.sample, Hypothesis(text=text))
        assert f"need {needed} frames, and the clip has 10" in problem
    path = tmp_path / "clip.wav"
    soundfile.write(path, clip.waveform, 16_000)
    target = Hypothesis(text="ABCDEFGHIJK")
    known = [
        AudioSample(id="x", audio=path),
        AudioSample(id="x", audio=path.read_bytes()),
        AudioSample(id="x", audio=path, offset=0.0, duration=0.2),
        AudioSample(id="x", duration=0.2),
    ]
    assert all("the clip has" in nano.target_problem(sample, target) for sample in known)
    assert nano.target_problem(AudioSample(id="x", audio=tmp_path / "none.wav"), target) is None


def test_a_target_that_does_not_fit_adds_nothing_and_is_named(load, nano_folder, noise_clip):
    adapter = load(nano_folder)
    clips = [noise_clip(400 + 9 * 320, "short"), noise_clip(16_000, "long")]
    texts = ["ABCDEFGHIJK", "ONE"]
    with pytest.warns(UserWarning, match="short: the target's 11 characters need 11 frames"):
        loss, grads = own_loss(adapter, clips, texts, [1.0, 1.0])
    alone, alone_grads = own_loss(adapter, clips, ["A", "ONE"], [0.0, 1.0])
    assert loss == pytest.approx(alone, rel=1e-5)
    assert_close(grads, alone_grads)


def test_the_utterance_whose_loss_is_nan_is_named(load, nano_folder, noise_clip):
    adapter = load(nano_folder)
    broken = Clip(AudioSample(id="broken"), np.full(16_000, np.nan, np.float32), 16_000)
    clips = [noise_clip(16_000, "good"), broken]
    with pytest.raises(TrainingError, match=r"the loss of broken is not a finite .* \(1 of 2"):
        own_loss(adapter, clips, ["ONE", "TWO"], [1.0, 1.0])
    with pytest.raises(TrainingError, match=r"what the model says of broken is not a finite"):
        adapter.sample(adapter.prepare(clips), 4, SamplingParams())
    with torch.no_grad():
        adapter.module.lm_head.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match=r"good, better is not a finite .* \(2 of 2"):
        own_loss(adapter, [clips[0], noise_clip(8_000, "better")], ["ONE"] * 2, [1.0, 1.0])


def test_bfloat16_loss_is_close(nano, digit_clips):
    clips = digit_clips(8)
    batch, targets = nano.prepare(clips), [Hypothesis(text=c.sample.reference) for c in clips]
    exact = nano.loss(batch, targets, [1.0] * 8).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = nano.loss(batch, targets, [1.0] * 8)
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact, rel=0.05)


def test_training_mode_draws_no_masks(load, nano_folder, digit_clips):
    """The checkpoint asks for SpecAugment, which NumPy would draw and short clips cannot have."""
    adapter = load(nano_folder)
    assert adapter.module.config.mask_time_prob == 0.05
    [clip] = digit_clips(1)
    adapter.module.train()
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first, second = (own_loss(adapter, [clip], ["ONE"], [1.0])[0] for _ in range(2))
    assert first == second
    assert np.array_equal(np.random.get_state()[1], before)
    short = evolve(clip, waveform=clip.waveform[:400])
    assert np.isfinite(own_loss(adapter, [short], ["A"], [1.0])[0])
    assert adapter.module.config.mask_time_prob == 0.05  # and what is saved still asks for it
