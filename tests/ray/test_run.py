"""A run on a cluster of this machine is the run without it: what starts Ray in every test run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge_demo import assets

pytest.importorskip("ray", reason="needs audioforge-ray, which brings Ray")

RECIPE: dict[str, Any] = {
    "num_cycles": 1,
    "steps_per_cycle": 2,
    "limit": 12,
    "batch_size": 4,
    "samples_per_prompt": 2,
    "verifier": ["wer", "length:low=1,high=40"],
    "normalizer": "none",
    "device": "cpu",
    "learning_rate": 1e-3,
    "min_kept": 0,
    "reward_threshold": 0.0,
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """One thread, as the workers have, and an environment that Ray leaves as it was."""
    environment, threads = dict(os.environ), torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    os.environ.clear()
    os.environ.update(environment)


def train(output: Path, executor: str) -> Path:
    """Run the demo's model over a few clips."""
    settings = {**RECIPE, "executor": executor, "output_dir": output}
    AudioRAFTTrainer(AudioRAFTConfig(model_name=str(assets.model()), **settings)).train("demo")
    return output


def lines(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """What was written down, in whichever order."""
    rows = [line for path in folder.glob(pattern) for line in path.read_text().splitlines()]
    return sorted(map(json.loads, rows), key=lambda row: row["id"])


def test_a_run_on_ray_is_the_run_of_one_process(tmp_path: Path) -> None:
    here = train(tmp_path / "here", "processes")
    there = train(tmp_path / "there", "ray:rollout_workers=1,update_workers=1")
    for pattern in ("cycle-01/rollouts-*.jsonl", "cycle-*/predictions.jsonl"):
        assert lines(there, pattern) == lines(here, pattern) != []
    steps, same = ((run / "cycle-01/steps.jsonl").read_text() for run in (there, here))
    assert steps == same
    weights, expected = (
        load_file(run / "cycle-01/checkpoint/model.safetensors") for run in (there, here)
    )
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())
    accounts = [json.loads(line) for line in (there / "nodes.jsonl").read_text().splitlines()]
    sampled = [account["clips"] for account in accounts if account["stage"] == "cycle 1 sample"]
    assert sum(sampled) == len(lines(here, "cycle-01/rollouts-*.jsonl"))


def test_what_a_driver_that_was_killed_left_in_the_run_folder_goes(tmp_path: Path) -> None:
    from audioforge_ray.cluster import MARKER, Cluster

    for name in ("config.yaml", f"{MARKER}00ff", f"{MARKER}11ee"):
        (tmp_path / name).touch()
    Cluster.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
