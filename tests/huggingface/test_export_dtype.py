"""The type of exported weights: the base's, what rounding changes, and what is in the files."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from audioforge.errors import ConfigError, TrainingError
from audioforge.huggingface.export_dtype import cast_files, round_weights, settled_dtype


def write(folder, dtype):
    weights = {"weight": torch.tensor([0.1, 70_000.0]).to(dtype), "count": torch.tensor([3])}
    weights["scale"] = torch.ones(1)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps({"dtype": "float32", "torch_dtype": "float32"}))


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_the_type_of_the_base_is_that_of_most_of_its_weights(tmp_path, name):
    write(tmp_path, getattr(torch, name))
    assert settled_dtype("base", str(tmp_path)) == name
    assert settled_dtype("bfloat16", str(tmp_path)) == "bfloat16"


def test_a_type_that_nothing_is_exported_in_is_named(tmp_path):
    write(tmp_path, torch.float64)
    with pytest.raises(
        ConfigError, match=r"export_dtype: base is F64 in .*; choose one of float32"
    ):
        settled_dtype("base", str(tmp_path))


def test_rounding_in_memory_and_in_the_files_agree(tmp_path):
    write(tmp_path, torch.float32)
    module = torch.nn.Module()
    module.register_buffer("count", torch.tensor([3]))
    module.weight = torch.nn.Parameter(torch.tensor([0.1, 70_000.0]))
    assert round_weights(module, "bfloat16")
    assert not round_weights(module, "bfloat16"), "nothing is left to round"
    cast_files(tmp_path, "bfloat16")
    files = load_file(tmp_path / "model.safetensors")
    assert files["weight"].dtype == torch.bfloat16
    assert files["count"].dtype == torch.int64
    assert torch.equal(files["weight"].float(), module.weight)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config == {"dtype": "bfloat16", "torch_dtype": "bfloat16"}


def test_a_weight_beyond_the_range_is_an_error_and_no_infinity():
    module = torch.nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.fill_(70_000.0)
    with pytest.raises(TrainingError, match="--export-dtype float16: weight holds weights beyond"):
        round_weights(module, "float16")
    assert module.weight.item() == 70_000.0
