"""Several starts on one folder: the first has it, and the others leave it alone."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from audioforge.errors import UsageError
from audioforge.inference.processes import Processes
from audioforge.run import lock as lock_module
from audioforge.run import prepare as run_module
from audioforge.run.folder import RunFolder
from audioforge.run.folder_claim import FolderClaim

from .byte_sources import roles, write_manifests, write_parquets
from .tone_run import (
    SETS,
    Fork,
    command,
    flags,
    read_lines,
    results,
    resume,
    settings,
    train,
    until,
    write_lines,
)

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

PAIRS = int(os.environ.get("AUDIOFORGE_START_PAIRS", "5"))
"""Pairs of starts at random instants that are tried."""
REFUSALS = ("writes this run", "is not empty", "has just ended")


@pytest.fixture(scope="module")
def recipes(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Two runs on sound that comes as bytes, with the same ids and different sound."""
    folder = tmp_path_factory.mktemp("starts")
    found = []
    for number in (0, 1):
        manifests = folder / f"files-{number}"
        write_manifests(inputs, manifests, "row-{}")
        if number:
            lines = read_lines(manifests / "train.jsonl")
            sound = [line["audio_filepath"] for line in lines]
            for line, other in zip(lines, sound[7:] + sound[:7], strict=True):
                line["audio_filepath"] = other
            write_lines(manifests / "train.jsonl", lines)
        write_parquets(manifests, folder / f"bytes-{number}", with_ids=False)
        found.append(settings(inputs, **roles(folder / f"bytes-{number}", "parquet")))
    return found


@pytest.fixture(scope="module")
def alone(recipes: list[dict], tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The results of each of them alone."""
    folder = tmp_path_factory.mktemp("alone")
    for number, recipe in enumerate(recipes):
        train(folder / str(number), recipe)
    found = [results(folder / str(number)) for number in (0, 1)]
    assert found[0] != found[1]
    return found


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 0.3)


def delayed(seconds: float, *arguments: object) -> None:
    time.sleep(seconds)
    command(*arguments)


@pytest.mark.sweep(6)
@pytest.mark.parametrize("seed", range(PAIRS))
def test_of_two_starts_the_first_is_as_if_alone(
    recipes: list[dict], alone: list[dict], tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    delays = [0.0, draw.choice([0.0, draw.uniform(0.0, 1.0)])]
    forks = [
        Fork(delayed, delay, "train", *flags(recipe), "--output", tmp_path / "run")
        for delay, recipe in zip(delays, recipes, strict=True)
    ]
    codes = [fork.end() for fork in forks]
    said = "\n".join(fork.said for fork in forks)
    assert sorted(codes) == [0, 2], said
    assert results(tmp_path / "run") == alone[codes.index(0)]
    refused = forks[codes.index(2)].said
    assert any(word in refused for word in REFUSALS)
    assert "Traceback" not in said


def train_slowly_from_the_start(run: Path, recipe: dict) -> None:
    """Train, and take a second between reading the data and beginning the run."""
    create_verification = run_module.create_verification

    def _create_verification(*arguments: object) -> object:
        time.sleep(1.0)
        return create_verification(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "create_verification", _create_verification)
        train(run, recipe)


@pytest.mark.parametrize("wrong", [["--learning-rate", "fast"], ["--verifier", "wre"], []])
def test_a_start_that_fails_leaves_what_another_made(
    recipes: list[dict], alone: list[dict], tmp_path: Path, wrong: list[str]
) -> None:
    run = tmp_path / "run"
    first = Fork(train_slowly_from_the_start, run, recipes[0])
    until((run / "state" / "clips").exists)
    second = Fork(command, "train", *flags(recipes[1]), *wrong, "--output", run)
    assert second.end() == 2, second.said
    assert first.end() == 0, first.said
    assert results(run) == alone[0]


def test_a_start_that_fails_takes_away_what_it_made_and_no_more(
    recipes: list[dict], tmp_path: Path
) -> None:
    missing = {**recipes[0], "test_dataset": str(tmp_path / "missing.parquet")}
    new, empty = tmp_path / "new" / "run", tmp_path / "empty"
    empty.mkdir()
    for run in (new, empty):
        fork = Fork(command, "train", *flags(missing), "--output", run)
        assert fork.end() == 2
        assert "missing.parquet" in fork.said
    assert not new.exists()
    assert list(empty.iterdir()) == []
    foreign = tmp_path / "foreign"
    (foreign / "state").mkdir(parents=True)
    (foreign / "state" / "mine.txt").write_text("mine")
    fork = Fork(command, "train", *flags(recipes[0]), "--output", foreign)
    assert fork.end() == 2
    assert "is not empty" in fork.said
    assert [p.name for p in foreign.rglob("*")] == ["state", "mine.txt"]


def test_a_start_that_comes_when_a_run_has_just_ended_leaves_nothing(
    recipes: list[dict], alone: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked while the run still held the folder, and got the lock when it was over."""
    run = tmp_path / "run"
    train(run, recipes[0])
    monkeypatch.setattr(lock_module.RunLock, "is_taken", True)
    claim = FolderClaim(RunFolder(run), resumes=False)
    with pytest.raises(UsageError, match="is not empty"):
        claim.take(Processes("cpu", "float32"))
    claim.release()
    assert results(run) == alone[0]


def test_of_two_resumes_one_goes_on_and_the_other_says_why_not(
    recipes: list[dict], alone: list[dict], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    killed = Fork(train, run, recipes[0], TONE_WORDS_PAUSE=0.1)
    until((run / "state" / "run.json").exists)
    killed.signal(signal.SIGKILL)
    killed.end()
    forks = [Fork(command, "train", "--resume", run) for _ in range(2)]
    codes = [fork.end() for fork in forks]
    assert sorted(codes) in ([0, 0], [0, 2]), "\n".join(fork.said for fork in forks)
    for fork, code in zip(forks, codes, strict=True):
        if code:
            reasons = ("writes this run", "has just ended", "finished")
            assert any(reason in fork.said for reason in reasons), fork.said
    assert results(run) == alone[0]


def test_a_resume_that_waited_until_the_run_was_over_says_so(
    recipes: list[dict], alone: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 60.0)
    run = tmp_path / "run"
    first = Fork(train, run, recipes[0], TONE_WORDS_PAUSE=0.05)
    until((run / "state" / "run.json").exists)
    second = Fork(command, "train", "--resume", run)
    assert first.end() == 0
    assert second.end() == 2
    assert "finished" in second.said or "has just ended" in second.said
    assert results(run) == alone[0]
    assert not (run / "state").exists()


def test_a_start_that_waited_until_the_run_was_over_is_refused(
    recipes: list[dict], alone: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 60.0)
    run = tmp_path / "run"
    first = Fork(train_slowly_from_the_start, run, recipes[0])
    until((run / "state" / "clips").exists)
    second = Fork(command, "train", *flags(recipes[1]), "--output", run)
    assert first.end() == 0
    assert second.end() == 2
    assert "is not empty" in second.said or "has just ended" in second.said
    assert results(run) == alone[0]


def test_a_start_that_waited_while_the_run_began_and_was_killed_leaves_it(
    recipes: list[dict], alone: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 60.0)
    run = tmp_path / "run"
    first = Fork(train_slowly_from_the_start, run, recipes[0])
    until((run / "state" / "clips").exists)
    second = Fork(command, "train", *flags(recipes[1]), "--output", run)
    until((run / "state" / "run.json").exists)
    first.signal(signal.SIGKILL)
    first.end()
    assert second.end() == 2
    assert f"go on with it by --resume {run}" in second.said
    resume(run)
    assert results(run) == alone[0]


def test_a_run_that_was_finished_in_the_last_instant_is_not_taken_over(
    recipes: list[dict], alone: list[dict], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(run, recipes[0])
    claim = FolderClaim(RunFolder(run), resumes=True)
    with pytest.raises(UsageError, match="the run is finished"):
        claim.take(Processes("cpu", "float32"))
    claim.release()
    assert results(run) == alone[0]


def test_two_benchmarks_on_one_folder(recipes: list[dict], tmp_path: Path) -> None:
    arguments = ["benchmark", "--model", recipes[0]["model_name"], "--normalizer", "none"]
    out = tmp_path / "out"
    forks = [
        Fork(
            command, *arguments, "--dataset", recipes[0][role], "--output", out,
            TONE_WORDS_PAUSE=0.2,
        )
        for role in ("dataset", "eval_dataset")
    ]  # fmt: skip
    codes = [fork.end() for fork in forks]
    assert sorted(codes) == [0, 2], "\n".join(fork.said for fork in forks)
    assert (
        len(read_lines(out / "predictions.jsonl"))
        == (SETS["train"], SETS["heldout"])[codes.index(0)]
    )
    assert {p.name for p in out.iterdir()} == {
        "metrics.json", "predictions.jsonl", "skipped.jsonl",
    }  # fmt: skip


def test_a_folder_whose_name_is_not_utf_8_is_refused_at_once(
    recipes: list[dict], tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    for subcommand in ("train", "benchmark"):
        arguments = flags(recipes[0])
        if subcommand == "benchmark":
            arguments = ["--model", recipes[0]["model_name"], "--dataset", recipes[0]["dataset"]]
        fork = Fork(command, subcommand, *arguments, "--output", folder)
        assert fork.end() == 2
        assert r"caf\xe9: its name is not UTF-8" in fork.said
        assert not folder.exists()
