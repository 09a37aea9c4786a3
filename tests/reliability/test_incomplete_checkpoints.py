"""Checkpoints that came in part, and low-rank updates without their model: what is said of each."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from audioforge.errors import CheckpointError
from audioforge.find_adapter import load_adapter, read_config
from audioforge.model import LoadOptions
from audioforge.plugins import discover
from audioforge_wav2vec.example import SMALL
from audioforge_wav2vec.untrained import model_config
from audioforge_wav2vec.untrained import write_untrained as write_ctc
from audioforge_whisper.example import ARCHITECTURE
from audioforge_whisper.untrained import write_untrained as write_whisper

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1170768\n"


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    write_whisper(folder, ARCHITECTURE)
    return folder


@pytest.fixture
def copy(whisper, tmp_path):
    """A copy of a sound checkpoint, to take something from."""
    return shutil.copytree(whisper, tmp_path / "copy")


@pytest.fixture
def ctc(tmp_path):
    write_ctc(tmp_path / "ctc", model_config("wav2vec2", **SMALL))
    return tmp_path / "ctc"


def load(folder: Path):
    return load_adapter(discover(), str(folder), "asr", LoadOptions())


def edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


FILES = ["config.json", "generation_config.json", "processor_config.json", "tokenizer.json"]


@pytest.mark.sweep(4)
@pytest.mark.parametrize("file", [*FILES, "tokenizer_config.json", "model.safetensors"])
def test_an_empty_file_or_a_pointer_to_one_is_named(copy, file):
    for content, said in (("", "the file is empty"), (POINTER, "git lfs pull")):
        (copy / file).write_text(content)
        with pytest.raises(CheckpointError, match=said) as raised:
            load(copy)
        assert str(copy / file) in str(raised.value)


@pytest.mark.parametrize("left", [4, 1000, -1])
def test_weights_that_are_cut_are_named_with_their_size(copy, left):
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(CheckpointError, match=r"is cut off or damaged") as raised:
        load(copy)
    assert str(raised.value).startswith(f"{copy}: cannot read its weights: with ")
    assert f"{file.stat().st_size:,} bytes model.safetensors is" in str(raised.value)


def test_shards_that_are_not_there_are_named(copy):
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    index = {name: f"model-0000{i % 3}-of-00003.safetensors" for i, name in enumerate(weights)}
    part = {name: w for name, w in weights.items() if index[name].startswith("model-00000")}
    save_file(part, copy / "model-00000-of-00003.safetensors", metadata={"format": "pt"})
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    with pytest.raises(CheckpointError) as raised:
        load(copy)
    assert "of 3 shards that it names 2 are not there: model-00001-of-00003" in str(raised.value)


def test_a_ctc_model_without_characters(ctc):
    (ctc / "vocab.json").unlink()
    with pytest.raises(CheckpointError, match=r"there is no vocab\.json, without which nobody"):
        load(ctc)


@pytest.fixture
def update(whisper, tmp_path):
    """`update(**settings)` is a folder that PEFT wrote, and the state with the update merged."""

    def _update(base: object = None, **settings: object) -> tuple[Path, dict]:
        model = WhisperForConditionalGeneration.from_pretrained(whisper, dtype=torch.float32)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            settings = {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]} | settings
            peft = get_peft_model(model, LoraConfig(**settings))
            for name, weight in peft.named_parameters():
                if "lora_B" in name or "modules_to_save" in name:
                    torch.nn.init.normal_(weight)
        peft.peft_config["default"].base_model_name_or_path = str(base or whisper)
        peft.save_pretrained(tmp_path / "update")
        return tmp_path / "update", peft.merge_and_unload().state_dict()

    return _update


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"target_modules": r".*decoder.*(q_proj|fc1)"},
        {"use_rslora": True, "alpha_pattern": {"v_proj": 7}, "rank_pattern": {"v_proj": 2}},
        {"use_dora": True},
        {"modules_to_save": ["layer_norm"]},
        {"target_modules": ["conv1", "fc2"]},
    ],
)
def test_a_low_rank_update_is_merged_into_its_model(update, whisper, settings):
    folder, expected = update(**settings)
    before = torch.get_rng_state()
    adapter = load(folder)
    assert torch.equal(torch.get_rng_state(), before)
    state, base = adapter.module.state_dict(), load(whisper).module.state_dict()
    assert state.keys() == expected.keys() == base.keys()
    for name, weight in expected.items():
        torch.testing.assert_close(state[name], weight, rtol=1e-5, atol=1e-6)
    assert any(not torch.allclose(state[name], base[name]) for name in state)
    assert read_config(str(folder)) == read_config(str(whisper))


def test_what_was_trained_on_top_of_an_update_is_a_checkpoint_of_its_own(update, tmp_path):
    folder, _ = update()
    adapter = load(folder)
    adapter.save(tmp_path / "saved")
    state = load(tmp_path / "saved").module.state_dict()
    assert all(torch.equal(w, state[n]) for n, w in adapter.module.state_dict().items())


def test_the_base_model_may_lie_beside_the_update(update, whisper, tmp_path, monkeypatch):
    folder, _ = update(base="../beside")
    shutil.copytree(whisper, tmp_path / "beside")
    monkeypatch.chdir(whisper)
    load(folder)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("base", ["$MODELS/nano", "/nowhere/at/all", "no folder", "~nobody/x", ""])
def test_an_update_without_its_model_says_whose_it_is_and_how_to_merge_it(update, base):
    folder, _ = update()
    edit(folder / "adapter_config.json", base_model_name_or_path=base)
    with pytest.raises(CheckpointError) as raised:
        load(folder)
    message = str(raised.value)
    assert message.startswith(f"{folder}: a low-rank update (LoRA)")
    assert base in message
    assert "base_model_name_or_path" in message
    assert "merge_and_unload()" in message


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"peft_type": "IA3"}, "peft_type"),
        ({"r": -1}, "r"),
        ({"r": 5}, "says r 5, and adapter_model.safetensors has rank 4"),
        ({"lora_alpha": "x"}, "lora_alpha"),
        ({"bias": "all"}, "bias"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights"),
        ({"alpha_pattern": {"(a+)+$": 1}}, "alpha_pattern"),
        ({"layer_replication": [[0, 1]]}, "layer_replication"),
        ({"megatron_config": {"a": 1}}, "megatron_config"),
        ({"revision": "abc"}, "revision"),
    ],
)
def test_an_update_that_is_more_than_that_is_refused_with_the_key(update, changes, key):
    folder, _ = update()
    edit(folder / "adapter_config.json", **changes)
    with pytest.raises(CheckpointError) as raised:
        load(folder)
    assert "adapter_config.json" in str(raised.value)
    assert key in str(raised.value)


def test_weights_of_an_update_that_do_not_serve_are_named(update):
    folder, _ = update()
    file = folder / "adapter_model.safetensors"
    whole = load_file(file)
    name = "base_model.model.model.decoder.layers.0.self_attn.q_proj.lora_A.weight"
    elsewhere = name.replace("layers.0", "layers.7")
    for state, said in (
        ({}, "it is an update of no layer"),
        (
            whole | {elsewhere: whole[name].clone()},
            "layers.7.self_attn.q_proj, which the base model lacks",
        ),
        (whole | {name: whole[name][:, :3].contiguous()}, "does not fit its base model"),
        ({n: w for n, w in whole.items() if "lora_B" not in n}, "does not fit its base model"),
        (whole | {name: torch.full_like(whole[name], torch.nan)}, f"the weight {name} holds NaN"),
    ):
        save_file(state, file, metadata={"format": "pt"})
        with pytest.raises(CheckpointError) as raised:
            load(folder)
        assert said in str(raised.value)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"adapter_model.safetensors: .* cut off or damaged"):
        load(folder)
    file.rename(folder / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"pickled ones \(adapter_model\.bin\) are not read"):
        load(folder)
