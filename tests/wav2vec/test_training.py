"""What is trained, and that a saved checkpoint is plain and says the same."""

import json

import pytest
import torch
from safetensors import safe_open
from transformers import pipeline

from audioforge.model import GREEDY, SamplingParams, TrainOptions
from audioforge.sample import Hypothesis
from audioforge_wav2vec.families import FAMILIES

LORA = TrainOptions(trainable="lora", lora_rank=4, lora_alpha=8.0)


def train(adapter, clips, texts, steps, lr=2e-3):
    """Teach texts for some steps; return the losses."""
    batch = adapter.prepare(clips)
    targets = [Hypothesis(text=text) for text in texts]
    trained = [p for p in adapter.module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=lr)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = adapter.loss(batch, targets, [1.0] * len(clips)) / len(clips)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def weights(adapter):
    return {name: p.detach().clone() for name, p in adapter.module.named_parameters()}


def parts_that_changed(adapter, before):
    """Return the first parts of the names of weights that are not as before."""
    return {
        ".".join(name.split(".")[:2])
        for name, parameter in adapter.module.named_parameters()
        if name in before and not torch.equal(parameter.detach(), before[name])
    }


def transcripts(adapter, clips):
    return [h.text for [h] in adapter.sample(adapter.prepare(clips), 1, GREEDY)]


def test_a_batch_is_learnt_by_heart(load, nano_folder, digit_clips):
    adapter, clips = load(nano_folder), digit_clips(2)
    adapter.make_trainable(TrainOptions())
    references = [clip.sample.reference for clip in clips]
    assert transcripts(adapter, clips) != [r.upper() for r in references]
    losses = train(adapter, clips, references, steps=40)
    assert losses[-1] < 0.1 * losses[0]
    assert transcripts(adapter, clips) == [r.upper() for r in references]


def test_nothing_said_is_learnt_as_blanks_alone(load, nano_folder, digit_clips):
    adapter, clips = load(nano_folder), digit_clips(1)
    adapter.make_trainable(TrainOptions())
    batch = adapter.prepare(clips)
    with torch.no_grad():
        scores = adapter._logits(batch)[0, : batch.frames[0]].log_softmax(-1)
        blanks = -scores[:, adapter.module.config.pad_token_id].sum().item()
        loss = adapter.loss(batch, [Hypothesis(text="")], [1.0]).item()
    assert loss == pytest.approx(blanks, rel=1e-4)
    losses = train(adapter, clips, [""], steps=8)
    assert losses[-1] < 0.1 * losses[0]
    assert transcripts(adapter, clips) == [""]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            TrainOptions(),
            {"lm_head.weight", "lm_head.bias", "wav2vec2.encoder", "wav2vec2.feature_projection"},
        ),
        (
            TrainOptions(trainable="full"),
            {
                "lm_head.weight",
                "lm_head.bias",
                "wav2vec2.encoder",
                "wav2vec2.feature_projection",
                "wav2vec2.feature_extractor",
            },
        ),
        (TrainOptions(trainable="frozen-encoder"), {"lm_head.weight", "lm_head.bias"}),
        (LORA, set()),
    ],
    ids=lambda value: getattr(value, "trainable", ""),
)
def test_which_weights_are_trained(load, nano_folder, digit_clips, options, expected):
    adapter, clips = load(nano_folder), digit_clips(2)
    adapter.make_trainable(options)
    before = weights(adapter)
    losses = train(adapter, clips, ["ONE TWO", "NINE"], steps=5)
    assert losses[-1] < losses[0]
    plain = {name.replace(".base_layer", ""): w for name, w in before.items() if "lora" not in name}
    assert "wav2vec2.masked_spec_embed" in plain
    changed = parts_that_changed(adapter, before)
    if options is LORA:
        moved = {n for n, p in adapter.module.named_parameters() if p.requires_grad}
        assert moved
        assert all(".lora_" in name for name in moved)
        before = {n: w for n, w in before.items() if ".lora_" not in n}
        changed = parts_that_changed(adapter, before)
    assert changed == expected


@pytest.mark.parametrize("options", [TrainOptions(trainable="full"), LORA], ids=["full", "lora"])
def test_saved_checkpoint_says_the_same(
    load, untrained, family, plain, noise_clip, tmp_path, options
):
    """In plain Transformers, with the weight-normed positional convolution and merged updates."""
    adapter = load(untrained(family))
    clips = [noise_clip(16_000, "a"), noise_clip(16_000, "bb")]
    before = transcripts(adapter, clips)
    adapter.make_trainable(options)
    losses = train(adapter, clips, ["ONE", "TWO"], steps=6, lr=0.03)
    assert losses[-1] < losses[0]
    adapter.save(tmp_path / "saved")
    expected = transcripts(adapter, clips)
    assert expected != before
    loaded = load(tmp_path / "saved")
    assert transcripts(loaded, clips) == expected
    model, processor = plain(tmp_path / "saved")
    assert type(model).__name__ == FAMILIES[family]
    batch = loaded.prepare(clips)
    with torch.no_grad():
        ours = adapter.module(**batch.inputs).logits
        theirs = model(**batch.inputs).logits
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    assert processor.tokenizer.get_vocab() == adapter._checkpoint.processor.tokenizer.get_vocab()


def test_saved_files_are_plain(load, nano_folder, digit_clips, tmp_path):
    adapter = load(nano_folder)
    adapter.save(tmp_path / "saved")
    written = {path.name for path in (tmp_path / "saved").iterdir()}
    assert "model.safetensors" in written
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in written)
    old, new = (
        json.loads((folder / "config.json").read_text())
        for folder in (nano_folder, tmp_path / "saved")
    )
    assert {key: new[key] for key in old} == old
    with safe_open(tmp_path / "saved/model.safetensors", "pt") as file:
        assert set(file.keys()) == set(safe_open(nano_folder / "model.safetensors", "pt").keys())
    transcribe = pipeline("automatic-speech-recognition", str(tmp_path / "saved"), device="cpu")
    [clip] = digit_clips(1)
    audio = {"raw": clip.waveform.copy(), "sampling_rate": 16_000}
    assert transcribe(audio)["text"] == transcripts(adapter, [clip])[0]


def test_frozen_convolutions_get_no_gradient_and_noise_stays_keyed(load, nano_folder, digit_clips):
    adapter, clips = load(nano_folder), digit_clips(2)
    adapter.make_trainable(TrainOptions())
    adapter.module.train()
    batch = adapter.prepare(clips)
    drawn = [h.text for h in adapter.sample(batch, 8, SamplingParams())[0]]
    adapter.loss(batch, [Hypothesis(text="ONE")] * 2, [1.0, 1.0]).backward()
    convolutions = adapter.module.wav2vec2.feature_extractor.parameters()
    assert all(p.grad is None for p in convolutions)
    assert [h.text for h in adapter.sample(batch, 8, SamplingParams())[0]] == drawn
