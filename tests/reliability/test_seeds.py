"""Runs of several seeds in one folder: alike but for the seed, and gone on with after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
from pathlib import Path
from typing import Any

import pytest

from audioforge import AudioRAFTConfig
from audioforge.errors import ConfigError, UsageError
from audioforge.seeds import SeedGroup, parse_seeds
from audioforge.terminal.reporter import Reporter

from .test_processes import done, two
from .test_resume import Calls, kill_at
from .tone_run import (
    Fork,
    command,
    flags,
    read_lines,
    results,
    settings,
    train,
    until,
    write_lines,
)

SEEDS = (0, 3)
LATE = 110
"""Write of a group of two that is in the middle of its second run."""


def recipe_of(inputs: Path, **changes: Any) -> dict[str, Any]:
    """Return the settings of runs that take little time."""
    little = {"num_cycles": 1, "steps_per_cycle": 2, "interpolate": [1.0], "retention_dataset": []}
    recipe = settings(inputs, **{**little, **changes})
    return {key: value for key, value in recipe.items() if value not in ([], None)}


def group_of(recipe: dict[str, Any], output: Path, *seeds: int) -> SeedGroup:
    config = AudioRAFTConfig.from_mapping({**recipe, "output_dir": output})
    return SeedGroup.of(config, seeds, reporter=Reporter(quiet=True))


@pytest.fixture(scope="module")
def group(inputs: Path) -> Path:
    """The finished runs of two seeds."""
    arguments = [*flags(recipe_of(inputs)), "--seeds", "0,3", "--output", inputs / "group"]
    fork = Fork(command, "train", *arguments)
    assert fork.end() == 0, fork.said
    (inputs / "said.txt").write_text(fork.said)
    return inputs / "group"


def test_each_seed_has_the_run_that_it_would_have_had_alone(
    inputs: Path, group: Path, tmp_path: Path
) -> None:
    for seed in SEEDS:
        train(tmp_path / f"{seed}", recipe_of(inputs, seed=seed))
        assert results(group / f"seed-{seed}") == results(tmp_path / f"{seed}")
    texts = [
        [h["text"] for line in read_lines(path) for h in line["hypotheses"]]
        for path in sorted(group.glob("seed-*/cycle-01/rollouts-*.jsonl"))
    ]
    assert len(texts) == 2
    assert texts[0] != texts[1]


def test_the_page_of_each_seed_shows_the_others(group: Path) -> None:
    assert "seed-3: best, seed 3" in (group / "seed-0/report.html").read_text()
    assert "seed-0: best, seed 0" in (group / "seed-3/report.html").read_text()


def test_mean_spread_and_each_seeds_line(inputs: Path, group: Path) -> None:
    summary = json.loads((group / "summary.json").read_text())
    runs = [json.loads((group / f"seed-{seed}/summary.json").read_text()) for seed in SEEDS]
    assert summary["seeds"] == list(SEEDS)
    assert [row["seed"] for row in summary["runs"]] == list(SEEDS)
    exported = [run["best"]["wer"] for run in runs]
    assert [row["exported"] for row in summary["runs"]] == exported
    assert summary["mean"]["exported"] == statistics.fmean(exported)
    assert summary["spread"]["exported"] == statistics.stdev(exported)
    assert summary["spread"]["base"] == 0
    assert summary["mean"]["test"] == statistics.fmean(run["test"]["best"]["wer"] for run in runs)
    trained = [(run["best"].get("rejected") or run["best"])["wer"] for run in runs]
    assert [row["trained"] for row in summary["runs"]] == trained
    assert summary["improved"] == sum(run["improved"] for run in runs)
    said = (inputs / "said.txt").read_text()
    for word in ("seed 3, 2 of 2", "mean", "± between seeds", f"{summary['improved']} of 2 seeds"):
        assert word in said


def test_the_untouched_model_is_measured_once(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(inputs)
    shown, alone, together = "", [], []
    for decoded, seeds in ((alone, (0,)), (together, (0, 3))):
        with monkeypatch.context() as patch:
            calls = Calls(patch)
            shown = repr(group_of(recipe, tmp_path / f"{len(seeds)}", *seeds).train())
            decoded.append(calls.decoded.total())
    assert [line.split()[0] for line in shown.splitlines()[-5:-1]] == ["0", "3", "mean", "±"]
    held_out, tested, probed = 20, 4, 20
    # Of the second seed: one cycle, its probe, and what it exports on the test set.
    assert together[0] - alone[0] == held_out + probed + tested


def _killed(recipe: dict[str, Any], output: Path, count: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_at(count, patch, os, "fsync")
        group_of(recipe, output, *SEEDS).train()


@pytest.mark.sweep(4)
@pytest.mark.parametrize("count", [1, 30, LATE])
def test_killed_it_goes_on_and_ends_the_same(
    inputs: Path, group: Path, tmp_path: Path, count: int
) -> None:
    root = tmp_path / "group"
    assert Fork(_killed, recipe_of(inputs), root, count).end() == -signal.SIGKILL
    assert (root / "seed-3").exists() == (count == LATE), "else the test shows less"
    if (root / "group.yaml").is_file():
        fork = Fork(command, "train", "--resume", root)
        assert fork.end() == 0, fork.said
    else:
        assert count == 1
        group_of(recipe_of(inputs), root, *SEEDS).train()
    for seed in SEEDS:
        assert results(root / f"seed-{seed}") == results(group / f"seed-{seed}")
    ended = [json.loads((r / "summary.json").read_text())["mean"] for r in (root, group)]
    assert ended[0] == ended[1]


def test_asked_to_stop_it_says_how_the_group_goes_on(inputs: Path, tmp_path: Path) -> None:
    root = tmp_path / "group"
    arguments = [*flags(recipe_of(inputs)), "--seeds", "0,3", "--output", root]
    fork = Fork(command, "train", *arguments, TONE_WORDS_PAUSE=0.2)
    until(lambda: list(root.glob("seed-0/cycle-01/rollouts-*.jsonl")))
    fork.signal(signal.SIGINT)
    assert fork.end() == 130
    assert f"audioforge train --resume {root}\n" in fork.said
    assert not (root / "seed-3").exists()
    for given, reason in (
        (("--resume", root, "--accept-changes"), "have to be alike"),
        ((*arguments, "--seeds", "0"), f"go on with it by --resume {root}"),
    ):
        fork = Fork(command, "train", *given)
        assert fork.end() == 2
        assert reason in fork.said.replace("\n", " ")


def test_all_seeds_hold_out_the_same_clips(inputs: Path, tmp_path: Path) -> None:
    recipe = recipe_of(inputs, eval_fraction=0.3, eval_dataset=None, test_dataset=None)
    root = tmp_path / "group"
    group_of(recipe, root, 1, 2).train()
    held_out = [
        {
            line["audio_filepath"]
            for line in read_lines(root / f"seed-{s}/cycle-01/predictions.jsonl")
        }
        for s in (1, 2)
    ]
    assert held_out[0] == held_out[1]
    train(tmp_path / "alone", {**recipe, "seed": 2, "split_seed": 1})
    assert results(root / "seed-2") == results(tmp_path / "alone")


def test_what_changed_between_two_seeds_is_refused(inputs: Path, tmp_path: Path) -> None:
    lines = read_lines(inputs / "train.jsonl")
    for line in lines:
        line["audio_filepath"] = str(inputs / line["audio_filepath"])
    write_lines(tmp_path / "train.jsonl", lines)
    recipe = recipe_of(inputs, dataset=str(tmp_path / "train.jsonl"))
    group = group_of(recipe, tmp_path / "group", *SEEDS)
    assert Fork(_killed, recipe, group.root, LATE).end() == -signal.SIGKILL
    shutil.rmtree(group.root / "seed-3")
    lines[0]["text"] = "low low low"
    write_lines(tmp_path / "train.jsonl", lines)
    with pytest.raises(UsageError, match="differ in nothing but their seeds"):
        SeedGroup.read(tmp_path / "group", reporter=Reporter(quiet=True)).train()


def test_a_dry_run_writes_nothing(inputs: Path, tmp_path: Path) -> None:
    arguments = [*flags(recipe_of(inputs)), "--seeds", "0,3", "--output", tmp_path / "group"]
    fork = Fork(command, "train", *arguments, "--dry-run")
    assert fork.end() == 0
    assert f"seeds 0, 3: a run for each in {tmp_path / 'group'}" in fork.said
    assert not list(tmp_path.iterdir())


def test_a_start_that_fails_leaves_nothing(inputs: Path, tmp_path: Path) -> None:
    recipe = recipe_of(inputs, dataset="no/such/file.jsonl")
    fork = Fork(command, "train", *flags(recipe), "--seeds", "0,3", "--output", tmp_path / "group")
    assert fork.end() != 0
    assert not list(tmp_path.iterdir())


def test_what_a_finished_group_answers(inputs: Path, group: Path) -> None:
    recipe = flags(recipe_of(inputs))
    fork = Fork(command, "train", "--resume", group)
    assert fork.end() == 0
    assert "the run is finished" in fork.said
    for arguments, reason in (
        (("--resume", group, "--device", "cpu"), "the runs are finished"),
        (("--resume", group, "--cycles", 9), "leave out num_cycles"),
        (("--resume", group, "--seeds", "4"), "leave out seeds"),
        (("--continue", group), "name one of its seeds"),
        (("--seeds", "1", "--output", group, *recipe), "the folder is not empty"),
        (("--seeds", "1", "--seed", "1"), "one of --seeds"),
    ):
        fork = Fork(command, "train", *arguments)
        assert fork.end() == 2
        assert reason in " ".join(fork.said.split())


@pytest.mark.parametrize("text", ["", "1,", "a", "-1", "1.5", "1,1"])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="seeds: "):
        parse_seeds(text)


@pytest.mark.soak
@pytest.mark.slow
def test_two_processes_share_the_runs_of_all_seeds(inputs: Path, tmp_path: Path) -> None:
    done(two(*flags(recipe_of(inputs)), "--seeds", "0,3", "--output", tmp_path / "group"))
    summary = json.loads((tmp_path / "group/summary.json").read_text())
    assert [row["seed"] for row in summary["runs"]] == [0, 3]
    assert summary["spread"]["base"] == 0
    assert len(list((tmp_path / "group/base").glob("held-out-*.jsonl"))) == 2
