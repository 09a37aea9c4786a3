"""A low-rank update written alone: PEFT loads it, and AudioForge merges it, to the same model."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from audioforge.errors import ConfigError
from audioforge.huggingface.write_update import check_update, scale_update, write_update
from audioforge.model import LoadOptions, TrainOptions
from audioforge.raft.interpolation import interpolated

LORA = TrainOptions(trainable="lora", lora_rank=3, lora_alpha=9.0)
FAMILIES = ("whisper", "ctc", "classifier")


def inputs(family):
    draw = torch.Generator().manual_seed(0)
    if family == "ctc":
        return {"input_values": torch.randn(1, 4000, generator=draw)}
    frames = {"input_features": torch.randn(1, 80, 100, generator=draw)}
    tokens = torch.tensor([[1, 2, 3]])
    return frames | ({"decoder_input_ids": tokens} if family == "whisper" else {})


def logits(model, family):
    with torch.no_grad():
        return model.eval()(**inputs(family)).logits


@pytest.fixture
def trained(checkpoint, tmp_path):
    """`trained(family)` is a base, its adapter's class, and a checkpoint with its update."""

    def make(family):
        base, adapter_class = checkpoint(family)
        adapter = adapter_class.load(str(base), LoadOptions())
        adapter.make_trainable(LORA)
        check_update(adapter.module)
        torch.manual_seed(1)
        with torch.no_grad():
            for weight in adapter.module.parameters():
                if weight.requires_grad:
                    weight.add_(0.3 * torch.randn_like(weight))
        folder = tmp_path / "tuned"
        adapter.save(folder)
        write_update(adapter.module, str(base), folder / "adapter")
        return base, adapter_class, folder

    return make


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_and_our_own_merge_give_the_merged_model(trained, family):
    base, adapter_class, folder = trained(family)
    tuned = logits(adapter_class.load(str(folder), LoadOptions()).module, family)
    untouched = adapter_class.load(str(base), LoadOptions()).module
    assert (logits(untouched, family) - tuned).abs().max() > 0.01
    by_peft = PeftModel.from_pretrained(untouched, folder / "adapter")
    torch.testing.assert_close(logits(by_peft, family), tuned, rtol=1e-4, atol=1e-4)
    merged = adapter_class.load(str(folder / "adapter"), LoadOptions()).module
    torch.testing.assert_close(logits(merged, family), tuned, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["whisper", "classifier"])
def test_a_part_of_the_update_is_the_model_on_the_line(trained, tmp_path, family):
    base, adapter_class, folder = trained(family)
    load = lambda place: adapter_class.load(place, LoadOptions())  # noqa: E731
    between = interpolated(load, str(base), str(folder), 0.3).module
    scale_update(folder / "adapter", tmp_path / "part", 0.3, between)
    by_peft = PeftModel.from_pretrained(load(str(base)).module, tmp_path / "part")
    expected = logits(between, family)
    torch.testing.assert_close(logits(by_peft, family), expected, rtol=1e-4, atol=1e-4)


def test_the_files_are_the_same_whenever_they_are_written_and_hold_the_update_alone(trained):
    base, _, folder = trained("whisper")
    settings = json.loads((folder / "adapter/adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(base)
    assert (settings["r"], settings["lora_alpha"]) == (3, 9.0)
    assert len(settings["target_modules"]) == 6
    layers = [name.rpartition(".")[0] for name in settings["target_modules"]]
    assert layers == sorted(layers, key=layers.index)
    weights = load_file(folder / "adapter/adapter_model.safetensors")
    assert len(weights) == 12
    assert all(".lora_" in name for name in weights)


def test_a_model_without_an_update_is_refused():
    with pytest.raises(ConfigError, match="export_adapter: this model has no low-rank update"):
        check_update(torch.nn.Linear(2, 2))
