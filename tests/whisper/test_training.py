"""What is trained, and that a saved checkpoint is plain and says the same."""

import json

import pytest
import torch
from safetensors import safe_open
from transformers import pipeline

from audioforge.model import GREEDY, SamplingParams, TrainOptions
from audioforge.sample import Hypothesis

LORA = TrainOptions(trainable="lora", lora_rank=4, lora_alpha=8.0)


def train(adapter, clips, steps=20, lr=2e-3):
    """Teach the clips' references for some steps; return the first and the last loss."""
    batch = adapter.prepare(clips)
    targets = [Hypothesis(text=clip.sample.reference) for clip in clips]
    trained = [p for p in adapter.module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=lr)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = adapter.loss(batch, targets, [1.0] * len(clips)) / len(clips)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


def changed(adapter, before):
    return {
        name
        for name, parameter in adapter.module.named_parameters()
        if name in before and not torch.equal(parameter.detach(), before[name])
    }


def weights(adapter):
    return {name: p.detach().clone() for name, p in adapter.module.named_parameters()}


def transcripts(adapter, clips):
    return [h.text for [h] in adapter.sample(adapter.prepare(clips), 1, GREEDY)]


def pipeline_transcripts(folder, clips):
    """Transcribe with plain Transformers, as a user would."""
    transcribe = pipeline("automatic-speech-recognition", str(folder), device="cpu")
    inputs = [{"raw": clip.waveform.copy(), "sampling_rate": 16_000} for clip in clips]
    return [transcribe(one)["text"].strip() for one in inputs]


def test_full_training_moves_all_but_the_sinusoids(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    adapter.make_trainable(TrainOptions())
    before = weights(adapter)
    train(adapter, digit_clips(4), steps=1)
    assert before.keys() - changed(adapter, before) == {"model.encoder.embed_positions.weight"}


def test_frozen_encoder_stays_and_costs_no_gradient(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    adapter.make_trainable(TrainOptions(trainable="frozen-encoder"))
    outputs = []
    adapter.module.model.encoder.register_forward_hook(
        lambda module, inputs, output: outputs.append(output.last_hidden_state)
    )
    before = weights(adapter)
    train(adapter, digit_clips(4), steps=1)
    assert all(not output.requires_grad for output in outputs)
    assert outputs
    moved = changed(adapter, before)
    assert moved
    assert not any(name.startswith("model.encoder.") for name in moved)


def test_lora_trains_the_updates_only(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    clips = digit_clips(10)
    base_texts = transcripts(adapter, clips)
    adapter.make_trainable(LORA)
    assert transcripts(adapter, clips) == base_texts
    before = weights(adapter)
    train(adapter, clips, steps=2)
    moved = changed(adapter, before)
    assert moved
    assert all(".lora_" in name for name in moved)
    places = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in moved}
    assert places == {"q_proj", "v_proj"}
    # Encoder: 2 layers × 1 attention; decoder: 2 × 2; each with q and v, each with A and B.
    assert len(moved) == (2 + 4) * 2 * 2


def test_lora_starts_the_same_whatever_the_global_generator(load, nano_folder):
    states = []
    for seed in (0, 1):
        adapter = load(nano_folder)
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        adapter.make_trainable(LORA)
        assert torch.equal(torch.get_rng_state(), before)
        states.append({n: p for n, p in weights(adapter).items() if "lora_A" in n})
    assert states[0]
    assert all(torch.equal(p, states[1][name]) for name, p in states[0].items())


@pytest.mark.sweep(3)
@pytest.mark.parametrize(
    "options", [TrainOptions(), TrainOptions(trainable="frozen-encoder"), LORA]
)
def test_saved_checkpoint_is_plain_and_says_the_same(
    load, nano_folder, digit_clips, tmp_path, options
):
    adapter = load(nano_folder)
    adapter.make_trainable(options)
    clips = digit_clips(20)
    base = transcripts(adapter, clips)
    train(adapter, clips, steps=12)
    tuned = transcripts(adapter, clips)
    assert tuned != base
    adapter.save(tmp_path)
    assert transcripts(adapter, clips) == tuned  # saving disturbs nothing
    assert pipeline_transcripts(tmp_path, clips) == tuned
    assert transcripts(load(tmp_path), clips) == tuned
    with (
        safe_open(tmp_path / "model.safetensors", "pt") as saved,
        safe_open(nano_folder / "model.safetensors", "pt") as original,
    ):
        assert set(saved.keys()) == set(original.keys())
        assert {str(saved.get_tensor(name).dtype) for name in saved.keys()} == {"torch.float32"}  # noqa: SIM118
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["dtype"] == "float32"
    assert not any("attn" in key for key in config)


@pytest.mark.soak
def test_multilingual_checkpoint_in_a_pipeline(load, untrained, noise_clips, plain, tmp_path):
    """Language by detection and by choice, the task, and no beams: all in the saved folder."""
    clips = noise_clips(5)
    for language in (None, "fr"):
        adapter = load(untrained("multilingual"), language)
        folder = tmp_path / str(language)
        adapter.save(folder)
        assert pipeline_transcripts(folder, clips) == transcripts(adapter, clips)
        batch = adapter.prepare(clips)
        # Without a limit of the call, the pipeline's tokens are those of plain `generate`.
        said = plain(folder).generate(batch.features)
        texts = [t.strip() for t in adapter._tokenizer.batch_decode(said, skip_special_tokens=True)]
        assert texts == transcripts(adapter, clips)


def test_half_precision_checkpoint_is_trained_in_float32(load, plain, nano_folder, tmp_path):
    for file in nano_folder.iterdir():
        if file.suffix == ".json" or file.name == "merges.txt":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    plain(nano_folder).half().save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    adapter = load(tmp_path)
    assert {p.dtype for p in adapter.module.parameters()} == {torch.float32}
    adapter.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/config.json").read_text())["dtype"] == "float32"


def test_lora_under_autocast_samples_and_trains(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    adapter.make_trainable(LORA)
    clips = digit_clips(4)
    batch = adapter.prepare(clips)
    targets = [Hypothesis(text=sample.reference) for sample in batch.samples]
    optimiser = torch.optim.AdamW([p for p in adapter.module.parameters() if p.requires_grad], 2e-3)
    losses = []
    for _ in range(8):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rows = adapter.sample(batch, 2, SamplingParams())
            loss = adapter.loss(batch, targets, [1.0] * 4)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert [len(row) for row in rows] == [2] * 4
    assert losses[-1] < 0.9 * losses[0]


def gradients(adapter, clips, kind=None):
    """The gradients of the clips' references, by name; autocast to bfloat16 where asked."""
    adapter.module.train()
    targets = [Hypothesis(text=clip.sample.reference) for clip in clips]
    with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bfloat16"):
        loss = adapter.loss(adapter.prepare(clips), targets, [1.0] * len(clips))
    loss.backward()
    return {n: p.grad for n, p in adapter.module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("options", [TrainOptions(), LORA])
def test_checkpointing_keeps_less_and_changes_no_gradient(load, nano_folder, digit_clips, options):
    found, kept = [], []
    for checkpointing in (False, True):
        adapter = load(nano_folder)
        if checkpointing:
            adapter.checkpoint_gradients()
        adapter.make_trainable(options)
        sizes = []
        count = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: [sizes.append(tensor.numel()), tensor][1], lambda t: t
        )
        with count:
            found.append(gradients(adapter, digit_clips(3)))
        kept.append(sum(sizes))
    assert kept[1] < 0.5 * kept[0]
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-5, atol=1e-6)


def test_bfloat16_learns_the_same_within_its_precision(load, nano_folder, digit_clips):
    exact, rounded = (
        gradients(load(nano_folder), digit_clips(3), kind) for kind in ("float32", "bfloat16")
    )
    flat, other = (torch.cat([g.flatten() for g in gs.values()]) for gs in (exact, rounded))
    assert other.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(flat, other, dim=0) > 0.99
