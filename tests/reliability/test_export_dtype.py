"""`--export-dtype`: what is printed, chosen and resumed is what the exported files say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.cli import cli
from audioforge.errors import ConfigError, TrainingError

from .tone_run import CYCLES, read_lines, results, resume, settings, train

IMPROVES, STAYS = 0.02, 1e-7
"""Learning rates."""


def short(inputs: Path, **changes: object) -> dict:
    """Settings of one cycle without further sets."""
    less = {"num_cycles": 1, "retention_dataset": [], "test_dataset": None, "save_every": 10.0}
    return settings(inputs, **{**less, "export_dtype": "bfloat16", **changes})


def benchmark(model: Path, inputs: Path, output: Path) -> Result:
    data = str(inputs / "heldout.jsonl")
    arguments = ["--model", model, "--dataset", data, "--normalizer", "none", "--output", output]
    return CliRunner().invoke(cli, ["benchmark", *map(str, arguments), "--json"])


@pytest.mark.parametrize("rate", [IMPROVES, STAYS])
def test_the_figure_is_that_of_the_files(inputs: Path, tmp_path: Path, rate: float) -> None:
    run = tmp_path / "run"
    recipe = short(inputs, learning_rate=rate, interpolate=[1.0], num_cycles=CYCLES)
    best = train(run, recipe)["best"]
    assert (best["cycle"] > 0, best["dtype"]) == (rate == IMPROVES, "bfloat16")
    weights = load_file(run / "best/model.safetensors")
    kinds = {name: weight.dtype for name, weight in weights.items()}
    assert kinds.pop("0.num_batches_tracked") == torch.int64
    assert set(kinds.values()) == {torch.bfloat16}
    measured = benchmark(run / "best", inputs, tmp_path / "measured")
    assert measured.exit_code == 0, measured.output
    figures = json.loads(measured.stdout)
    assert (figures["wer"], figures["ci95"]) == (best["wer"], best["ci95"])
    said = [
        {line["id"]: line["pred_text"] for line in read_lines(path)}
        for path in (run / "best-predictions.jsonl", tmp_path / "measured/predictions.jsonl")
    ]
    assert said[0] == said[1]
    assert "this model, bfloat16" in (run / "best/README.md").read_text()


@pytest.mark.soak
def test_an_interrupted_export_is_gone_on_with(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short(inputs)
    train(tmp_path / "whole", recipe)

    def _stop(*arguments: object, **keywords: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr("audioforge.raft.export.cast_files", _stop)
        with pytest.raises(TrainingError, match="No space left"):
            train(tmp_path / "run", recipe)
    assert not (tmp_path / "run/best").exists()
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_base_is_the_type_of_the_bases_files(inputs: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(inputs / "base", base)
    recipe = settings(inputs, model_name=str(base), export_dtype="base", output_dir="run")
    run = AudioRAFTTrainer(AudioRAFTConfig.from_mapping(recipe)).prepare()
    assert run.config.export_dtype == "float32"
    run.executor.close()


def test_an_adapter_alone_is_of_a_low_rank_update_of_the_base(inputs: Path) -> None:
    with pytest.raises(ConfigError, match="export_adapter: there is a low-rank update with"):
        AudioRAFTConfig(export_adapter=True)
    asked = {"export_adapter": True, "trainable": "lora", "new_head": True}
    recipe = settings(inputs, task="classification", output_dir="run", **asked)
    with pytest.raises(ConfigError, match="export_adapter: a new head is no update of the base"):
        AudioRAFTTrainer(AudioRAFTConfig.from_mapping(recipe)).prepare()
