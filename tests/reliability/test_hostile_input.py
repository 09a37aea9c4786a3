"""Input that is meant to do harm: pickles, code in configurations, escapes, paths that lead away.

The trap is a pickle that makes a file when it is loaded, as any other code could be run.
"""

import io
import json
import os
import pickle
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import attrs
import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from audioforge.checkpoints import load_adapter, read_config
from audioforge.cli import cli
from audioforge.config import read_config_file
from audioforge.dataset import DatasetRequest
from audioforge.errors import AudioForgeError, CheckpointError, ConfigError, DatasetError
from audioforge.model import LoadOptions
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis, Problem
from audioforge.sources import open_dataset
from audioforge_datasets.archive import Archive, fetch
from audioforge_demo import assets
from audioforge_wav2vec.untrained import model_config, write_untrained

EVIL = "\x1b]0;title\x07\x1b[2J[bold red]x[/]\r\x9b31m\u202etxt\x00\u200b\nError: made up"
"""Escape sequences of terminals, Rich's markup, a reversal of the reading order, a line of its own."""

RAW = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e]|\r(?!\n)")


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self):
        return os.mkdir, (str(self.sprung),)


@pytest.fixture
def sprung(tmp_path):
    """What the trap makes; nothing may have made it when a test ends."""
    path = tmp_path / "sprung"
    with pytest.raises(FileExistsError):  # the trap works
        path.mkdir()
        pickle.loads(pickle.dumps(Trap(path)))  # noqa: S301
    path.rmdir()
    yield path
    assert not path.exists()


@pytest.fixture(scope="session")
def sound_checkpoints(tmp_path_factory):
    """Checkpoints of each adapter that are fine."""
    wav2vec = tmp_path_factory.mktemp("wav2vec")
    write_untrained(wav2vec, model_config("wav2vec2"))
    return {"asr": assets.model(), "classification": assets.commands_model(), "ctc": wav2vec}


@pytest.fixture(params=["asr", "classification", "ctc"])
def checkpoint(request, sound_checkpoints, tmp_path):
    """A copy of a sound checkpoint of each adapter, to turn into a hostile one."""
    return copy_of(sound_checkpoints[request.param], tmp_path)


@pytest.fixture
def whisper(sound_checkpoints, tmp_path):
    return copy_of(sound_checkpoints["asr"], tmp_path)


def copy_of(folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "it's a $HOME"
    shutil.copytree(folder, copy)
    return copy


def load(folder: Path):
    architecture = read_config(str(folder))["architectures"][0]
    task = "classification" if "Classification" in architecture else "asr"
    return load_adapter(discover(), str(folder), task, LoadOptions())


def change(file: Path, **values) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def take_weights(folder: Path) -> dict[str, torch.Tensor]:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return weights


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "last.ckpt"])
def test_pickled_weights_are_refused_without_unpickling(checkpoint, name, sprung):
    weights = take_weights(checkpoint)
    torch.save({**weights, "trap": Trap(sprung)}, checkpoint / name)
    with pytest.raises(CheckpointError, match=r"unpickling can run any code.*python -c '") as error:
        load(checkpoint)
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_the_conversion_that_is_named_works(checkpoint, name):
    weights = take_weights(checkpoint)
    torch.save(weights, checkpoint / name)
    with pytest.raises(CheckpointError) as error:
        load(checkpoint)
    command = shlex.split(str(error.value).partition("convert them once: ")[2])
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True, capture_output=True)
    converted = {name: weight for name, weight in load(checkpoint).module.state_dict().items()}
    for key, weight in load_file(checkpoint / "model.safetensors").items():
        assert torch.equal(weight, weights[key])
    assert converted


def test_sharded_pickles_are_refused(whisper, sprung):
    torch.save({**take_weights(whisper), "x": Trap(sprung)}, whisper / "pytorch_model-00001.bin")
    (whisper / "pytorch_model.bin.index.json").write_text('{"metadata": {}, "weight_map": {}}')
    with pytest.raises(CheckpointError, match="its weights are pickled"):
        load(whisper)


def test_an_index_of_shards_cannot_name_pickles_or_other_folders(whisper, sprung, tmp_path):
    weights = take_weights(whisper)
    torch.save({**weights, "trap": Trap(sprung)}, whisper / "shard.bin")
    save_file(weights, tmp_path / "elsewhere.safetensors", metadata={"format": "pt"})
    outside = str(tmp_path / "elsewhere.safetensors")
    for shard in ("shard.bin", "../elsewhere.safetensors", outside, "..\\x.safetensors", 5, None):
        index = {"metadata": {}, "weight_map": dict.fromkeys(weights, shard)}
        (whisper / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(CheckpointError, match=r"only \.safetensors files beside it are read"):
            load(whisper)
    for index in ("[" * 100_000, "[]", "{}", '{"weight_map": 5}'):
        (whisper / "model.safetensors.index.json").write_text(index)
        with pytest.raises(CheckpointError, match="cannot be read as an index"):
            load(whisper)


def test_shards_in_safetensors_are_read(whisper):
    weights = take_weights(whisper)
    names = sorted(weights)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({n: weights[n] for n in part}, whisper / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {n: file for file, part in parts.items() for n in part}}
    (whisper / "model.safetensors.index.json").write_text(json.dumps(index))
    state = load(whisper).module.state_dict()
    assert all(torch.equal(state[name], weights[name]) for name in names)


def test_config_json_cannot_name_pickles_code_or_kernels(checkpoint, sprung):
    (checkpoint / "evil.py").write_text(f"import os\nos.mkdir({str(sprung)!r})\nclass C: pass\n")
    torch.save({"trap": Trap(sprung)}, checkpoint / "adapter_model.bin")
    before = (checkpoint / "config.json").read_text()
    for value in (
        {"transformers_weights": "adapter_model.bin"},
        {"quantization_config": {"quant_method": "torchao"}},
        {"attn_implementation": "evil/kernel"},
        {"_attn_implementation": {"": "evil/kernel"}},
        {"encoder_layers": 10**9, "num_hidden_layers": 10**9},
        {"num_labels": 10**9},
    ):
        (checkpoint / "config.json").write_text(before)
        change(checkpoint / "config.json", **value)
        with pytest.raises(CheckpointError, match=rf"config\.json .*{next(iter(value))}"):
            load(checkpoint)


def test_code_of_a_checkpoint_is_never_run_nor_asked_about(checkpoint, sprung, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("asked whether to run code"))
    (checkpoint / "evil.py").write_text(f"import os\nos.mkdir({str(sprung)!r})\nclass C: pass\n")
    names = ("AutoConfig", "AutoModel", "AutoTokenizer", "AutoFeatureExtractor", "AutoProcessor")
    auto_map = {name: "evil.C" for name in names} | {"AutoTokenizer": ["evil.C", "evil.C"]}
    for file in checkpoint.glob("*config.json"):
        change(file, auto_map=auto_map)
    load(checkpoint)  # Transformers has classes of its own for all of it
    for file in checkpoint.glob("*config.json"):
        if file.name != "config.json":
            change(
                file, tokenizer_class="C", feature_extractor_type="C", processor_class="C"
            )
    try:
        load(checkpoint)
    except CheckpointError as error:
        assert "cannot read its" in str(error) or "code of their own" in str(error)


def test_a_low_rank_update_beside_a_model_is_refused(whisper, sprung):
    config = {"peft_type": "LORA", "r": 1, "base_model_name_or_path": "someone/else"}
    (whisper / "adapter_config.json").write_text(json.dumps(config))
    torch.save({"trap": Trap(sprung)}, whisper / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"low-rank update.*merge_and_unload"):
        load(whisper)


def header(content: bytes, length: int | None = None) -> bytes:
    return (len(content) if length is None else length).to_bytes(8, "little") + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        header(b"{}", 2**63 - 1),
        header(b"{" * 100, 90_000_000),
        header(b"[" * 100_000),
        header(b'{"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}}'),
        header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99]}}') + b"\0" * 4,
        header(b'{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}') + b"\0" * 4,
    ],
)
def test_safetensors_that_lie_about_themselves_are_refused(whisper, content):
    (whisper / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot read its weights"):
        load(whisper)


@pytest.mark.parametrize(
    "file", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
)
def test_json_of_a_checkpoint_cannot_blow_up(whisper, file):
    (whisper / file).write_bytes(b"[" * 1_000_000)
    with pytest.raises(CheckpointError):
        load(whisper)
    with (whisper / file).open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(CheckpointError, match=r"larger than"):
        load(whisper)


@pytest.mark.parametrize(
    "change_",
    [
        {"model_type": ["whisper"]},
        {"architectures": 5},
        {"architectures": [{}]},
        {"architectures": "WhisperForConditionalGeneration"},
        {"d_model": -1},
        {"d_model": 10**7},
        {"num_mel_bins": float("nan")},
        {"vocab_size": 10**30},
        {"eos_token_id": []},
        {"max_source_positions": "x"},
        {"id2label": {"x": 1}},
    ],
)
def test_odd_values_in_config_json_are_errors_for_people(whisper, change_):
    change(whisper / "config.json", **change_)
    with pytest.raises(AudioForgeError):
        load(whisper)


def test_a_hostile_architecture_gets_into_no_command(whisper):
    torch.save(take_weights(whisper), whisper / "pytorch_model.bin")
    change(
        whisper / "config.json",
        architectures=["x; import os; os.abort()", "WhisperForConditionalGeneration"],
    )
    with pytest.raises(CheckpointError, match="import WhisperForConditionalGeneration as") as error:
        load(whisper)
    assert "abort" not in str(error.value)


def test_speaker_weights_are_read_as_tensors_only(tmp_path, sprung):
    pytest.importorskip("speechbrain")
    from audioforge_verifiers import ecapa

    torch.save({"trap": Trap(sprung)}, tmp_path / ecapa.PICKLED)
    try:
        network, _, _ = ecapa.build()
    except AudioForgeError as error:
        pytest.skip(str(error))
    with pytest.raises(CheckpointError, match="holds more than tensors, and that could run code"):
        ecapa._load(network, tmp_path / ecapa.PICKLED)


SETTINGS = {
    "aliases": "a: &x [1]\nb: *x",
    "a billion laughs": "a: &a [lol]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    ),
    "recursion": "&a [*a]",
    "Python objects": "a: !!python/object/apply:os.mkdir [{sprung}]",
    "Python modules": "!!python/object/new:os.mkdir [{sprung}]: 1",
    "brackets": "[" * 90_000,
    "braces": "{a: " * 20_000,
    "dashes": "- " * 45_000,
    "merged keys": "<<: {" * 18_000,
    "decimal digits": "seed: " + "9" * 90_000,
    "hexadecimal digits": "seed: 0x" + "f" * 90_000,
    "base 60": "seed: " + ":".join(["59"] * 30_000),
    "base 60 with a fraction": "seed: " + "1:" * 2000 + "1.5",
    "a number that is none": "!!int",
    "a truth that is none": "a: !!bool x",
    "a date that is none": "a: 2020-13-45",
    "a key twice": "seed: 1\nseed: 2",
    "a list as a key": "? [a]\n: 1",
    "two documents": "a: 1\n---\nb: 1",
    "NUL": "a: \0",
    "size": "#" * 2_000_000,
}


@pytest.mark.parametrize("what", SETTINGS)
def test_a_settings_file_runs_no_code_and_does_not_blow_up(what, tmp_path, sprung):
    file = tmp_path / "settings.yaml"
    file.write_text(SETTINGS[what].replace("{sprung}", str(sprung)))
    with pytest.raises(ConfigError, match=r"settings\.yaml: "):
        read_config_file(file)


def test_settings_come_from_no_device_or_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="pipe or a device"):
            read_config_file(path)


@pytest.fixture
def hostile_manifest(tmp_path):
    """Text that would take over a terminal, in every place of a manifest; its name too."""
    tone = 0.1 * np.sin(np.arange(16_000) * 0.2)
    name = "e\x1b[2J\r\u202e[red]il\n.wav"
    for file in ("x.wav", name):
        soundfile.write(str(tmp_path / file), tone, 16_000)
    rows = [
        {"audio_filepath": "x.wav", "text": EVIL, "label": EVIL, "speaker": EVIL, "lang": EVIL}
        | {"id": EVIL, EVIL: 1, "pred_text": EVIL},
        {"audio_filepath": name, "text": "one", "label": "a", "pred_text": "one"},
        {"audio_filepath": "gone" + EVIL, "text": "x", "label": "b", "pred_text": "one"},
        {"audio_filepath": "x.wav", "text": 5, "label": [EVIL, 1.5], "pred_text": {EVIL: 1}},
        {"audio_filepath": "cut.wav", "text": "x", "label": "b" + EVIL},
    ]
    (tmp_path / "cut.wav").write_bytes((tmp_path / "x.wav").read_bytes()[:100])
    path = tmp_path / "m\x1b[2J\u202e.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def commands(manifest: Path) -> dict[str, list[str]]:
    model, classifier = str(assets.model()), str(assets.commands_model())
    settings = manifest.with_name("c\x1b[2J.yaml")
    settings.write_text('"k\\e[2Jey": 1\nseed: "\\e[31m"\n')
    data = ["--dataset", str(manifest), "--eval-dataset", str(manifest)]
    return {
        "datasets show": ["datasets", "show", str(manifest)],
        "benchmark": ["benchmark", "--model", model, "--dataset", str(manifest)],
        "classes": ["benchmark", "--task", "classification", "--model", classifier]
        + ["--dataset", str(manifest)],
        "verify": ["verify", str(manifest)],
        "verify classes": ["verify", "--task", "classification", str(manifest)],
        "no such key": ["verify", "--task", "tts", str(manifest)],
        "no such verifier": ["verify", str(manifest), "--verifier", EVIL],
        "plan": ["train", "--model", model, *data, "--dry-run", "--output", str(manifest) + "r"],
        "settings": ["train", "--config", str(settings)],
        "no such model": ["benchmark", "--model", "x\x1b[2J", "--dataset", str(manifest)],
        "no such command": ["x\x1b[2J"],
        "no such option": ["verify", "--x\x1b[2J"],
    }


@pytest.mark.parametrize("name", commands(Path("/tmp/m")) if False else [
    "datasets show", "benchmark", "classes", "verify", "verify classes", "no such key",
    "no such verifier", "plan", "settings", "no such model", "no such command", "no such option",
])
def test_placeholder(name):
    pass
