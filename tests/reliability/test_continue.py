"""A finished run goes on as a new one, which names it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

from audioforge.cli.train import build_config
from audioforge.config import AudioRAFTConfig
from audioforge.errors import UsageError

from .tone_run import Fork, command, read_lines, resume, settings, train, write_lines

RECIPE: dict[str, Any] = {
    "selection": "reference",
    "learning_rate": [0.2, 0.1, 0.05, 0.03],
    "lr_decay_per_cycle": 0.5,
    "steps_per_cycle": 8,
}
"""One that learns all there is in its first cycle, which is exported."""


@pytest.fixture(scope="module")
def parent(inputs: Path) -> Path:
    """A finished run that improved."""
    recipe = settings(inputs, **RECIPE)
    recipe.pop("test_dataset")
    summary = train(inputs / "parent", {**recipe, "interpolate": [1.0], "retention_dataset": []})
    assert summary["improved"]
    assert summary["best"]["cycle"] == 1
    return inputs / "parent"


def weights(folder: Path) -> dict[str, Any]:
    tensors = load_file(folder / "model.safetensors")
    return {name: tensor.tolist() for name, tensor in tensors.items()}


def test_it_begins_with_the_parents_model_and_settings(parent: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code = Fork(command, "train", "--continue", parent, "--cycles", 1, "--output", run).end()
    assert code == 0
    summary = json.loads((run / "summary.json").read_text())
    before = json.loads((parent / "summary.json").read_text())
    assert summary["base"]["wer"] == before["best"]["wer"]
    assert len(summary["cycles"]) == 1
    assert summary["cycles"][0]["learning_rate"] == 0.1, "where the parent's schedule was"
    assert summary["parent"] == {
        "run": str(parent), "model": before["model"], "dataset": before["dataset"],
        "metric": "wer", "improved": True, "best": before["best"], "parent": None, "cycles": 2,
    }  # fmt: skip
    assert json.loads((run / "environment.json").read_text())["parent"] == summary["parent"]
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["parent"], config["model_name"]) == (str(parent), str(parent / "best"))
    assert (config["seed"], config["split_seed"], config["num_cycles"]) == (1, 0, 1)
    assert config["learning_rate"] == [0.1, 0.05, 0.03]
    assert config["steps_per_cycle"] == 8


def test_flags_and_files_override_what_it_takes_over(parent: Path, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(f"parent: {parent}\nseed: 7\nnum_cycles: 5\n")
    config = build_config(tmp_path / "run.yaml", {"num_cycles": "3"}, "conservative")
    assert (config.seed, config.num_cycles, config.patience) == (7, 3, 2)
    assert config.learning_rate == 5e-6
    assert config.output_dir is None
    assert config.model_name == str(parent / "best")


def test_one_rate_goes_on_falling(parent: Path, tmp_path: Path) -> None:
    shutil.copytree(parent, tmp_path / "parent")
    values = yaml.safe_load((parent / "config.yaml").read_text())
    write_config(tmp_path / "parent", {**values, "learning_rate": 0.2})
    config = build_config(None, {"parent": tmp_path / "parent"})
    rates = [config.learning_rate_of(cycle) for cycle in (1, 2)]
    assert rates == pytest.approx([0.1, 0.05]), "0.2 was the parent's"


def write_config(run: Path, values: dict[str, Any]) -> None:
    (run / "config.yaml").write_text(yaml.safe_dump(values))


def test_a_parent_that_exported_its_base_is_not_repeated(
    inputs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = settings(inputs, num_cycles=1, interpolate=[1.0], learning_rate=1e-9)
    assert not train(tmp_path / "parent", recipe)["improved"]
    config = build_config(None, {"parent": tmp_path / "parent"})
    assert config.learning_rate == 1e-9, "a rate that nothing was exported of begins again"
    values = {k: v for k, v in config.as_mapping().items() if k != "output_dir"}
    train(tmp_path / "run", values)
    first, second = (
        read_lines(tmp_path / name / "cycle-01/rollouts-00000.jsonl") for name in ("parent", "run")
    )
    texts = [[h["text"] for line in lines for h in line["hypotheses"]] for lines in (first, second)]
    assert texts[0] != texts[1]
    assert weights(tmp_path / "parent/best") == weights(inputs / "base")


def test_resumed_it_still_names_its_parent(parent: Path, tmp_path: Path) -> None:
    values = build_config(None, {"parent": parent, "num_cycles": "1"}).as_mapping()
    values.pop("output_dir")
    whole = train(tmp_path / "whole", values)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    (tmp_path / "killed/summary.json").unlink()  # as a kill at the very end leaves it
    shutil.rmtree(tmp_path / "killed/cycle-01")
    resumed = resume(tmp_path / "killed")
    assert resumed["parent"] == whole["parent"]


def test_what_the_parent_has_learnt_is_no_longer_held_out(
    inputs: Path, parent: Path, tmp_path: Path
) -> None:
    more = read_lines(inputs / "train.jsonl")[:20] + read_lines(inputs / "heldout.jsonl")[:20]
    for line in more:
        line["audio_filepath"] = str(inputs / line["audio_filepath"])
    write_lines(tmp_path / "more.jsonl", more)
    values = build_config(None, {"parent": parent, "num_cycles": "1"}).as_mapping()
    values |= {"dataset": str(tmp_path / "more.jsonl"), "eval_dataset": None, "eval_fraction": 0.5}
    fork = Fork(_train, values, tmp_path / "run")
    assert fork.end() == 0
    said = " ".join(fork.said.split())
    assert "clips of the held-out set" in said
    assert f"were learnt from in {parent}: figures measured on them flatter the model" in said


def _train(values: dict[str, Any], output: Path) -> None:
    from audioforge import AudioRAFTTrainer

    AudioRAFTTrainer(AudioRAFTConfig.from_mapping({**values, "output_dir": output})).train()


def test_relative_paths_are_those_of_the_parent(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(parent, tmp_path / "there/parent")
    values = yaml.safe_load((parent / "config.yaml").read_text())
    for place in ("there", "here"):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "train.jsonl").touch()
    write_config(tmp_path / "there/parent", {**values, "dataset": "train.jsonl:format=nemo"})
    path = tmp_path / "there/parent/environment.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "working_directory": str(tmp_path / "there")})
    )
    monkeypatch.chdir(tmp_path / "here")
    config = build_config(None, {"parent": "../there/parent"})
    assert config.dataset == f"{tmp_path / 'there/train.jsonl'}:format=nemo"
    assert config.parent == tmp_path / "there/parent"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda run: shutil.rmtree(run), "there is no run in it"),
        (lambda run: (run / "summary.json").unlink(), "not finished; finish it with --resume"),
        (lambda run: (run / "summary.json").write_text("{}"), "does not hold what a run writes"),
        (lambda run: (run / "summary.json").write_text("{"), "cannot be read"),
        (lambda run: shutil.rmtree(run / "best"), "does not hold the model"),
    ],
    ids=["absent", "unfinished", "emptied", "torn", "without its model"],
)
def test_a_parent_that_cannot_be_gone_on_from(
    parent: Path, tmp_path: Path, damage: Any, reason: str
) -> None:
    shutil.copytree(parent, tmp_path / "parent")
    damage(tmp_path / "parent")
    with pytest.raises(UsageError, match=reason):
        build_config(None, {"parent": tmp_path / "parent"})
