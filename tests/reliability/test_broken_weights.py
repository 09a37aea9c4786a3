"""Weights and outputs that are not numbers are named before anything is measured or learnt."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from audioforge.audio import load_clip
from audioforge.cli import cli
from audioforge.errors import CheckpointError, TrainingError
from audioforge.find_adapter import load_adapter, read_config
from audioforge.model import GREEDY, LoadOptions, SamplingParams
from audioforge.plugins import discover
from audioforge.sample import AudioSample
from audioforge_demo import assets
from audioforge_wav2vec.example import SMALL
from audioforge_wav2vec.untrained import model_config, write_untrained

from .tone_run import settings, train

TONE = (0.1 * np.sin(np.arange(16_000) * 0.2)).astype(np.float32)
NAN, INFINITY = float("nan"), float("inf")
WEIGHTS = {
    "whisper": "model.decoder.layers.0.fc1.weight",
    "classifier": "encoder.layers.0.fc1.weight",
    "ctc": "wav2vec2.encoder.layers.0.feed_forward.output_dense.weight",
}
"""One of each adapter's weights."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Checkpoints of each adapter that are fine."""
    ctc = tmp_path_factory.mktemp("ctc")
    write_untrained(ctc, model_config("wav2vec2", **SMALL))
    return {"whisper": assets.model(), "classifier": assets.commands_model(), "ctc": ctc}


@pytest.fixture
def damaged(sound, tmp_path):
    """`damaged(kind, value, dtype)` is a checkpoint with one value of one weight another."""

    def _damaged(kind: str, value: float, dtype: torch.dtype = torch.float32) -> Path:
        folder = shutil.copytree(sound[kind], tmp_path / kind)
        spoil(folder, WEIGHTS[kind], value, dtype)
        return folder

    return _damaged


def spoil(folder: Path, name: str, value: float, dtype: torch.dtype = torch.float32) -> None:
    weights = {k: w.to(dtype) for k, w in load_file(folder / "model.safetensors").items()}
    weights[name].view(-1)[-1] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def load(folder: Path):
    architecture = read_config(str(folder))["architectures"][0]
    task = "classification" if "Classification" in architecture else "asr"
    return load_adapter(discover(), str(folder), task, LoadOptions())


@pytest.mark.sweep(10)
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize(
    ("value", "dtype", "what"),
    [
        (NAN, torch.float32, "NaN"),
        (INFINITY, torch.float32, "infinity"),
        (-INFINITY, torch.float16, "infinity"),
        (NAN, torch.bfloat16, "NaN"),
        (1e300, torch.float64, "infinity"),  # float32 has no such number
    ],
)
def test_a_weight_that_is_no_number_is_named_at_load(damaged, kind, value, dtype, what):
    folder = damaged(kind, value, dtype)
    with pytest.raises(CheckpointError) as raised:
        load(folder)
    sentence = f"{folder}: the weight {WEIGHTS[kind]} holds {what}. It was saved by a training that"
    assert str(raised.value).startswith(sentence)
    assert "Take an earlier checkpoint" in str(raised.value)


@pytest.mark.parametrize("command", ["benchmark", "train"])
def test_the_commands_end_before_anything_runs(damaged, command, tmp_path):
    manifest = tmp_path / "clips.jsonl"
    soundfile.write(tmp_path / "clip.wav", TONE, 16_000)
    manifest.write_text(json.dumps({"audio_filepath": "clip.wav", "text": "one"}))
    arguments = [command, "--model", str(damaged("whisper", NAN)), "--dataset", str(manifest)]
    if command == "train":
        arguments += ["--eval-dataset", str(manifest)]
    arguments += ["--output", str(tmp_path / "out"), "--device", "cpu", "--normalizer", "none"]
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == 2
    assert "holds NaN" in ended.stderr


def test_a_third_partys_weights_and_buffers_are_looked_through(inputs, tmp_path):
    for name, value, what in (("0.running_var", INFINITY, "infinity"), ("2.bias", NAN, "NaN")):
        folder = shutil.copytree(inputs / "base", tmp_path / name)
        spoil(folder, name, value)
        with pytest.raises(CheckpointError, match=f"the weight {name} holds {what}"):
            load(folder)
    folder = shutil.copytree(inputs / "base", tmp_path / "mask")
    spoil(folder, "0.running_mean", -INFINITY)  # in a buffer, as a mask of attention has it
    load(folder)


def test_a_step_that_overflows_ends_the_run(inputs, tmp_path):
    with pytest.raises(TrainingError) as raised:
        train(tmp_path / "run", settings(inputs, learning_rate=3e37, weight_decay=100.0))
    message = str(raised.value)
    assert message.startswith("cycle 1, step 1: after it the weight 0.weight holds infinity")
    assert "--learning-rate" in message


def test_the_last_resume_point_is_of_before_the_overflow(inputs, tmp_path, monkeypatch):
    real, steps = torch.optim.AdamW.step, []

    def step(optimizer: torch.optim.AdamW) -> None:
        real(optimizer)
        steps.append(optimizer)
        if len(steps) == 3:
            optimizer.param_groups[0]["params"][-1].data.mul_(1e38).mul_(1e38)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(TrainingError, match=r"cycle 1, step 3: after it the weight 2\.bias holds"):
        train(tmp_path / "run", settings(inputs))
    assert not (tmp_path / "run" / "cycle-01" / "metrics.json").exists()
    [point] = (tmp_path / "run" / "state").glob("point-*")
    assert len(json.loads((point / "progress.json").read_text())["losses"]) == 2
    assert all(w.isfinite().all() for w in load_file(point / "weights.safetensors").values())


@pytest.mark.sweep(4)
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("params", [GREEDY, SamplingParams(), SamplingParams(top_k=5, top_p=0.9)])
def test_outputs_that_are_no_number_name_the_clip(sound, kind, params):
    """Finite weights can still overflow; here one clip's features are what does it."""
    adapter = load(sound[kind])
    samples = [AudioSample(f"clip-{i}", audio=TONE, sampling_rate=16_000) for i in range(3)]
    batch = adapter.prepare([load_clip(s, adapter.sampling_rate) for s in samples])
    features = getattr(batch, "features", None)
    if features is None:
        inputs = batch.parts[0].inputs if kind == "classifier" else batch.inputs
        features = next(v for v in inputs.values() if v.is_floating_point())
    features[1] = NAN
    with pytest.raises(TrainingError) as raised:
        adapter.sample(batch, 1 if params is GREEDY else 3, params)
    message = str(raised.value)
    assert message.startswith("what the model says of clip-1 is not a finite number (1 of 3")
    assert "clip-0" not in message
