"""The loss, what is trained, and that a saved checkpoint is plain and says the same."""

import json

import pytest
import torch
from safetensors import safe_open

from audioforge.model import GREEDY, SamplingParams, TrainOptions
from audioforge.sample import AudioSample, Hypothesis
from audioforge_classification.head import encoder_of, head_of

from .conftest import FAMILIES, WORDS

WAVEFORM = [name for name in FAMILIES if name not in ("whisper", "ast", "wav2vec2-bert")]
OPTIONS = [
    TrainOptions(),
    TrainOptions(trainable="full"),
    TrainOptions(trainable="frozen-encoder"),
    TrainOptions(trainable="lora", lora_rank=4, lora_alpha=8.0),
]
TARGETS = [Hypothesis(label=label) for label in ("no", "down", "yes", "no")]


def train(adapter, clips, steps=1, lr=1e-2):
    """Teach the clips' labels; return the first and the last loss."""
    batch = adapter.prepare(clips)
    targets = [Hypothesis(label=clip.sample.labels[0]) for clip in clips]
    trained = [p for p in adapter.module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=lr, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = adapter.loss(batch, targets, [1.0] * len(clips)) / len(clips)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


def weights(adapter):
    return {name: p.detach().clone() for name, p in adapter.module.named_parameters()}


def moved(adapter, before):
    return {n for n, p in adapter.module.named_parameters() if not torch.equal(p, before[n])}


def answers(adapter, clips):
    return [(h.label, h.logprob) for [h] in adapter.sample(adapter.prepare(clips), 1, GREEDY)]


@pytest.mark.parametrize("name", FAMILIES)
def test_loss_and_gradients_equal_transformers(untrained, load, clips, name):
    """Transformers takes the mean over the batch, and would apply SpecAugment in training."""
    from transformers import AutoModelForAudioClassification

    noise = clips(4)  # of equal length, so that Transformers needs no padding
    adapter = load(untrained(name))
    adapter.module.train()
    batch = adapter.prepare(noise)
    loss = adapter.loss(batch, TARGETS, [1.0] * 4)
    loss.backward()
    plain = AutoModelForAudioClassification.from_pretrained(
        untrained(name), dtype=torch.float32
    ).eval()  # which leaves SpecAugment out
    [part] = batch.parts
    labels = torch.tensor([WORDS.index(t.label) for t in TARGETS])
    expected = plain(**part.inputs, labels=labels).loss
    expected.backward()
    assert loss.item() == pytest.approx(4 * expected.item(), rel=1e-5)
    own = dict(adapter.module.named_parameters())
    for key, parameter in plain.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(own[key].grad, 4 * parameter.grad, atol=1e-4, rtol=1e-3)


def test_a_label_that_the_model_does_not_have_is_no_target(untrained, load):
    adapter = load(untrained("ast"))
    sample = AudioSample("a")
    assert adapter.target_problem(sample, Hypothesis(label="up")) is None
    problem = adapter.target_problem(sample, Hypothesis(label="maybe"))
    assert problem == "the label 'maybe' is not one of the model's: yes, no, up, down"
    assert "None" in adapter.target_problem(sample, Hypothesis(text="up"))


@pytest.mark.sweep(5)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: o.trainable)
def test_what_is_trained(untrained, load, clips, name, options):
    """Every weight that is left trainable moves, and no other."""
    adapter = load(untrained(name))
    said = answers(adapter, clips(4))
    adapter.make_trainable(options)
    still = answers(adapter, clips(4))
    assert [label for label, _ in still] == [label for label, _ in said]
    # A frozen encoder reads each clip by itself, which rounds otherwise.
    assert [p for _, p in still] == pytest.approx([p for _, p in said], abs=1e-6)
    head, encoder = (
        set(head_of(adapter.module)),
        set(weights(adapter)) - set(head_of(adapter.module)),
    )
    before = weights(adapter)
    trainable = {n for n, p in adapter.module.named_parameters() if p.requires_grad}
    adapter.module.train()
    train(adapter, clips(4), steps=3)
    changed = moved(adapter, before)
    never = {n for n in encoder if n.endswith(("embed_positions.weight", "masked_spec_embed"))}
    convolutions = {n for n in encoder if ".feature_extractor." in n}
    assert bool(convolutions) == (name in WAVEFORM)
    assert changed <= trainable
    assert head <= changed | {"layer_weights"}
    if options.trainable == "full":
        assert trainable == set(before) - never
    elif options.trainable == "default":
        assert trainable == set(before) - never - convolutions
    elif options.trainable == "frozen-encoder":
        assert trainable == head
    else:
        updates = {n for n in before if ".lora_" in n}
        assert trainable == head | updates
        assert updates <= changed  # none of them is bypassed
        assert updates


def test_a_frozen_encoder_reads_each_clip_once_and_keeps_no_graph(untrained, load, clips):
    adapter = load(untrained("wav2vec2"))
    adapter.make_trainable(TrainOptions(trainable="frozen-encoder"))
    outputs = []
    encoder_of(adapter.module).register_forward_hook(
        lambda module, inputs, output: outputs.append(output.last_hidden_state.requires_grad)
    )
    batch = adapter.prepare(clips(4))
    assert outputs == [False] * 4
    adapter.loss(batch, TARGETS, [1.0] * 4).backward()
    assert len(outputs) == 4


@pytest.mark.sweep(5)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("trainable", ["default", "lora"])
def test_a_saved_checkpoint_is_plain_and_says_the_same(
    untrained, load, clips, plain_answers, tmp_path, name, trainable
):
    noise = clips(4)
    adapter = load(untrained(name))
    base = answers(adapter, noise)
    adapter.make_trainable(TrainOptions(trainable=trainable, lora_rank=4, lora_alpha=8.0))
    train(adapter, noise, steps=5)
    tuned = answers(adapter, noise)
    assert [p for _, p in tuned] != pytest.approx([p for _, p in base], abs=1e-3)
    adapter.save(tmp_path)
    assert answers(adapter, noise) == tuned  # saving disturbs nothing
    reloaded = answers(load(tmp_path), noise)
    assert [label for label, _ in reloaded] == [label for label, _ in tuned]
    assert [p for _, p in reloaded] == pytest.approx([p for _, p in tuned], abs=1e-4)
    plain = plain_answers(tmp_path, noise)
    assert [best["label"] for best, *_ in plain] == [label for label, _ in tuned]
    with (
        safe_open(tmp_path / "model.safetensors", "pt") as saved,
        safe_open(untrained(name) / "model.safetensors", "pt") as original,
    ):
        assert set(saved.keys()) == set(original.keys())
    config = json.loads((tmp_path / "config.json").read_text())
    source = json.loads((untrained(name) / "config.json").read_text())
    assert {k: config[k] for k in source} == source  # SpecAugment's settings are not lost


def test_bfloat16_samples_and_trains(nano_folder, load, digit_clips):
    adapter = load(nano_folder)
    adapter.make_trainable(TrainOptions())
    clips = digit_clips("train.jsonl", every=40)
    batch = adapter.prepare(clips)
    targets = [Hypothesis(label=clip.sample.labels[0]) for clip in clips]
    optimiser = torch.optim.AdamW(adapter.module.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rows = adapter.sample(batch, 2, SamplingParams())
            loss = adapter.loss(batch, targets, [1.0] * len(clips))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert [len(row) for row in rows] == [2] * len(clips)
    assert losses[-1] < 0.8 * losses[0]
