"""Settings that change from cycle to cycle, and what a run does of itself: said, and resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.errors import ConfigError
from audioforge.terminal.reporter import Reporter

from . import tone_run
from .test_processes import done, two
from .test_resume import killed_with
from .tone_run import K, flags, read_lines, results, resume, train

COLD = 0.03
"""A temperature at which few errors are drawn."""
SOME_SOLVED = {"temperature": 0.008, "num_cycles": 3, "skip_solved": 1}
"""Of some clips every hypothesis earns 1."""


def settings(inputs: Path, **changes: Any) -> dict[str, Any]:
    """Return the settings of a run that measures little."""
    little = {"interpolate": [1.0], "retention_dataset": []}
    recipe = tone_run.settings(inputs, **{**little, **changes})
    return {key: value for key, value in recipe.items() if key != "test_dataset" and value != []}


def told(output: Path, recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """Train, and return what was said."""
    config = AudioRAFTConfig.from_mapping({**recipe, "output_dir": output})
    AudioRAFTTrainer(config, reporter=Reporter()).train()
    return " ".join(capsys.readouterr().err.split())


def rollouts(output: Path, cycle: int) -> dict[str, list[dict[str, Any]]]:
    lines = [
        line
        for path in output.glob(f"cycle-{cycle:02d}/rollouts-*.jsonl")
        for line in read_lines(path)
    ]
    return {line["id"]: line["hypotheses"] for line in lines}


def kept(output: Path, cycle: int) -> list[float]:
    hypotheses = [h for row in rollouts(output, cycle).values() for h in row]
    return sorted(h["reward"] for h in hypotheses if h["kept"])


def test_a_family_that_asks_for_no_temperature_is_drawn_from_at_1(
    inputs: Path, tmp_path: Path
) -> None:
    train(tmp_path / "run", settings(inputs, num_cycles=1, steps_per_cycle=1))
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["temperature"] == 1.0


def test_each_cycle_has_its_temperature_threshold_and_rate(inputs: Path, tmp_path: Path) -> None:
    by_cycle = {
        "temperature": [8.0, 1e-4],
        "reward_threshold": [0.0, 0.9],
        "learning_rate": [0.02, 0.01],
        "num_cycles": 3,
    }
    summary = train(tmp_path / "run", settings(inputs, warmup_steps=2, **by_cycle))
    hot, cold, repeated = (
        sum(len({h["text"] for h in row}) for row in rollouts(tmp_path / "run", c).values())
        for c in (1, 2, 3)
    )
    assert hot > 2 * cold
    assert cold == repeated == 20, "the last temperature repeats"
    assert [c["reward_threshold"] for c in summary["cycles"]] == [0.0, 0.9, 0.9]
    assert min(kept(tmp_path / "run", 2)) >= 0.9
    assert [c["learning_rate"] for c in summary["cycles"]] == [0.02, 0.01, 0.01]
    for cycle, rate in ((1, 0.02), (2, 0.01)):
        steps = read_lines(tmp_path / f"run/cycle-{cycle:02d}/steps.jsonl")
        warm = [rate / 3, 2 * rate / 3, rate, rate]
        assert [step["learning_rate"] for step in steps] == pytest.approx(warm)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"temperature": [COLD, 1.0], "learning_rate": [0.02, 0.01], "warmup_steps": 3}, 60),
        ({"reward_threshold": 1.0, **SOME_SOLVED, "min_kept": 18}, 80),
        ({"learning_rate": 1e-9, "num_cycles": 4, "patience": 1}, 40),
    ],
    ids=["schedules", "min_kept and skip_solved", "patience"],
)
def test_killed_and_resumed_all_of_it_ends_the_same(
    inputs: Path, tmp_path: Path, changes: dict[str, Any], count: int
) -> None:
    recipe = settings(inputs, **changes)
    train(tmp_path / "whole", recipe)
    assert killed_with(recipe, tmp_path / "killed", os, "fsync", count)
    resume(tmp_path / "killed")
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def test_a_run_that_no_longer_gets_better_ends(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = settings(inputs, learning_rate=1e-9, num_cycles=5, patience=2)
    said = told(tmp_path / "run", recipe, capsys)
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert len(summary["cycles"]) == 2
    why = "the 2 cycles after the base had no better held-out WER (--patience 2)"
    assert summary["stopped_early"] == why
    assert f"{why}: the run ends here" in said
    assert not (tmp_path / "run/cycle-03").exists()


def test_a_run_that_gets_better_goes_on(inputs: Path, tmp_path: Path) -> None:
    recipe = settings(inputs, patience=1, selection="reference", learning_rate=0.2)
    summary = train(tmp_path / "run", recipe)
    assert summary["stopped_early"] is None
    assert len(summary["cycles"]) == 2


def test_the_threshold_falls_to_what_keeps_enough_clips(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = settings(inputs, reward_threshold=1.0, temperature=COLD, num_cycles=1)
    few = len(train_kept(tmp_path / "few", recipe))
    assert 0 < few < 18, "else the test shows nothing"
    said = told(tmp_path / "run", {**recipe, "min_kept": 18}, capsys)
    rewards = kept(tmp_path / "run", 1)
    bests = sorted(max(h["reward"] for h in row) for row in rollouts(tmp_path / "run", 1).values())
    assert rewards == [best for best in bests if best >= bests[-18]]
    (cycle,) = json.loads((tmp_path / "run/summary.json").read_text())["cycles"]
    assert cycle["reward_threshold"] == bests[-18] < 1.0
    assert cycle["kept"] == len(rewards) >= 18
    assert f"kept {len(rewards)} (threshold 1 → {bests[-18]:.3g})" in said
    enough = train(tmp_path / "enough", {**recipe, "min_kept": few})
    assert enough["cycles"][0]["reward_threshold"] == 1.0


def train_kept(output: Path, recipe: dict[str, Any]) -> list[float]:
    train(output, recipe)
    return kept(output, 1)


def test_the_threshold_never_falls_to_what_earns_nothing(inputs: Path, tmp_path: Path) -> None:
    recipe = settings(inputs, reward_threshold=1.0, min_kept=1000, temperature=8.0, num_cycles=1)
    rewards = train_kept(tmp_path / "run", recipe)
    best = [max(h["reward"] for h in row) for row in rollouts(tmp_path / "run", 1).values()]
    assert rewards == sorted(reward for reward in best if reward > 0)


def test_solved_clips_rest_and_come_back(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    said = told(run, settings(inputs, **SOME_SOLVED), capsys)
    sampled = [rollouts(run, cycle) for cycle in (1, 2, 3)]
    solved = [
        {i for i, row in clips.items() if all(h["reward"] == 1 for h in row)} for clips in sampled
    ]
    everybody = set(sampled[0])
    assert solved[0]
    assert solved[1]
    for before, now in zip(solved, sampled[1:], strict=False):
        assert set(now) == everybody - before
    assert solved[0] <= set(sampled[2]), "after a cycle they are back"
    cycles = json.loads((run / "summary.json").read_text())["cycles"]
    assert [c["resting"] for c in cycles] == [0, *map(len, solved[:2])]
    assert f"{len(solved[0])} solved clips rested" in said
    assert cycles[1]["hypotheses"] == K * len(sampled[1])


def test_where_every_clip_is_solved_the_run_ends(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"temperature": 1e-3, "learning_rate": 0.3, "steps_per_cycle": 30, "skip_solved": 9}
    run = tmp_path / "run"
    said = told(run, settings(inputs, num_cycles=8, selection="best", **changes), capsys)
    summary = json.loads((run / "summary.json").read_text())
    assert "clips were solved shortly before, and rest (--skip-solved)" in said
    assert "and rest (--skip-solved)" in summary["stopped_early"]
    assert summary["best"]["cycle"] > 0


@pytest.mark.soak
@pytest.mark.slow
def test_two_processes_let_the_same_clips_rest(inputs: Path, tmp_path: Path) -> None:
    recipe = settings(inputs, min_kept=15, patience=3, **SOME_SOLVED)
    done(two(*flags(recipe), "--output", tmp_path / "two"))
    first, second = (rollouts(tmp_path / "two", cycle) for cycle in (1, 2))
    solved = {i for i, row in first.items() if all(h["reward"] == 1 for h in row)}
    assert solved
    assert set(second) == set(first) - solved


def test_a_loss_that_the_adapter_cannot_compute_is_refused_before_anything_is_written(
    inputs: Path, tmp_path: Path
) -> None:
    """Adapters without `logprobs`, as those of API 1 are, are left RAFT and its kin."""
    with pytest.raises(ConfigError, match=r"rloo needs to know how likely .* --selection best"):
        train(tmp_path / "run", settings(inputs, selection="rloo"))
    assert not (tmp_path / "run" / "config.yaml").exists()
    train(tmp_path / "run", settings(inputs, selection="weighted", num_cycles=1))
