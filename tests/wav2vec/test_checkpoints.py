"""Loading: any CTC model of these families by its files; what cannot be used is named."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from audioforge.errors import CheckpointError
from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_wav2vec.untrained import SIZES, model_config, write_untrained


@pytest.fixture
def copy(untrained, tmp_path):
    """A copy of a small checkpoint, to damage."""
    return shutil.copytree(untrained("wav2vec2"), tmp_path / "copy")


def edit(file, **changes):
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def edit_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]},
        {"architectures": ["Wav2Vec2ForPreTraining"]},
        {"architectures": None},
    ],
)
def test_not_a_ctc_model(load, copy, changes):
    edit(copy / "config.json", **changes)
    with pytest.raises(CheckpointError, match="not a CTC model of this plugin"):
        load(copy)


def test_pickled_weights_are_not_read(load, copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="its weights are pickled"):
        load(copy)


def test_missing_output_layer(load, copy):
    edit_weights(copy, lambda weights: weights.pop("lm_head.weight"))
    with pytest.raises(CheckpointError, match=r"1 weights are missing.*, such as lm_head\.weight"):
        load(copy)


def test_a_missing_mask_embedding_is_drawn_alike(load, copy):
    """Many published checkpoints lack it."""
    edit_weights(copy, lambda weights: weights.pop("wav2vec2.masked_spec_embed"))
    first, second = (load(copy).module.wav2vec2.masked_spec_embed for _ in range(2))
    assert torch.equal(first, second)


def test_weights_with_old_names_of_weight_norm(load, copy, noise_clip):
    """As in checkpoints from before PyTorch's parametrisations."""
    batch_of = [noise_clip(16_000)]
    expected = load(copy)
    prefix = "wav2vec2.encoder.pos_conv_embed.conv"

    def rename(weights):
        for old, new in (("original0", "weight_g"), ("original1", "weight_v")):
            weights[f"{prefix}.{new}"] = weights.pop(f"{prefix}.parametrizations.weight.{old}")

    edit_weights(copy, rename)
    loaded = load(copy)
    [[a]], [[b]] = (x.sample(x.prepare(batch_of), 1, GREEDY) for x in (expected, loaded))
    assert (a.text, a.logprob) == (b.text, b.logprob)


def test_vocabulary_of_another_model(load, copy):
    vocabulary = json.loads((copy / "vocab.json").read_text(encoding="utf-8"))
    edit(copy / "vocab.json", ж=len(vocabulary))
    with pytest.raises(CheckpointError, match=r"33 tokens, the model 32 outputs"):
        load(copy)


def test_no_blank(load, copy):
    vocabulary = json.loads((copy / "vocab.json").read_text(encoding="utf-8"))
    vocabulary["[PAD]"] = vocabulary.pop("<pad>")
    (copy / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"lacks the padding token '<pad>'"):
        load(copy)


def test_one_vocabulary_for_each_language(load, copy):
    vocabulary = json.loads((copy / "vocab.json").read_text(encoding="utf-8"))
    (copy / "vocab.json").write_text(json.dumps({"eng": vocabulary}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"tokenizer"):
        load(copy)
    edit(copy / "tokenizer_config.json", target_lang="eng")
    assert load(copy).tasks == ("asr",)


def test_a_language_model_beside_it_is_left_aside(load, copy, noise_clip):
    edit(copy / "processor_config.json", processor_class="Wav2Vec2ProcessorWithLM")
    edit(copy / "tokenizer_config.json", processor_class="Wav2Vec2ProcessorWithLM")
    (copy / "language_model").mkdir()
    (copy / "language_model/5gram.bin").write_bytes(b"not read")
    adapter = load(copy)
    [[hypothesis]] = adapter.sample(adapter.prepare([noise_clip(8_000)]), 1, GREEDY)
    assert hypothesis.text


def test_global_random_numbers_are_not_spent(load, untrained):
    folder = untrained("wav2vec2")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    load(folder)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.soak
def test_base_960h_at_its_true_size(load, tmp_path):
    """94 million random weights: upper case, `|`, group norm, no attention mask, 32 tokens."""
    kind, settings = SIZES["facebook/wav2vec2-base-960h"]
    write_untrained(tmp_path, model_config(kind, **settings))
    adapter = load(tmp_path)
    assert adapter.module.num_parameters() == 94_396_320
    assert (adapter.sampling_rate, adapter.min_seconds) == (16_000, 0.025)
    random = np.random.default_rng(0)
    clips = [
        Clip(AudioSample(id=str(i)), random.normal(0, 0.1, n).astype(np.float32), 16_000)
        for i, n in enumerate((32_000, 20_000))
    ]
    batch = adapter.prepare(clips)
    assert set(batch.inputs) == {"input_values", "attention_mask"}
    assert batch.frames == (99, 62)
    rows = adapter.sample(batch, 4, SamplingParams())
    assert all(h.text == h.text.upper() and h.tokens for row in rows for h in row)
    loss = adapter.loss(batch, [Hypothesis(text="Hello, world"), rows[1][0]], [1.0, 1.0])
    loss.backward()
    assert torch.isfinite(loss)
    assert adapter.module.lm_head.weight.grad.abs().sum() > 0
