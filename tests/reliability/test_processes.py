"""Runs of two processes: killed, asked to stop, and resumed with another number of them."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from audioforge.inference.processes import Processes

from .byte_sources import roles, said, weights, write_manifests, write_parquets
from .tone_run import (
    CYCLES,
    Fork,
    ToneWords,
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

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def two(*arguments: object, pause: float = 0.0) -> list[Fork]:
    """Start the command line in two processes, with the environment that torchrun gives."""
    environment = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    return [
        Fork(
            command, "train", *arguments,
            RANK=rank, LOCAL_RANK=rank, TONE_WORDS_PAUSE=pause, **environment,
        )
        for rank in (0, 1)
    ]  # fmt: skip


def done(forks: list[Fork]) -> None:
    codes = [fork.end() for fork in forks]
    assert codes == [0, 0], "\n".join(fork.said for fork in forks)


@pytest.fixture(scope="module")
def whole_of_two(inputs: Path) -> Path:
    done(two(*flags(settings(inputs)), "--output", inputs / "of-two"))
    return inputs / "of-two"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(("stage", "rank"), [("rollouts", 1), ("update", 0)])
def test_when_one_is_killed_the_other_says_so_and_the_run_goes_on(
    inputs: Path, whole_of_two: Path, tmp_path: Path, stage: str, rank: int
) -> None:
    run = tmp_path / "run"
    forks = two(*flags(settings(inputs)), "--output", run, pause=0.1)
    until((run / ("state/point.json" if stage == "update" else "state/cycle-00")).exists)
    forks[rank].signal(signal.SIGKILL)
    assert forks[rank].end() == -signal.SIGKILL
    other = forks[1 - rank]
    assert other.end() == 1
    assert "Traceback" not in other.said
    assert f"process {1 - rank} of 2: lost the others" in other.said
    done(two("--resume", run))
    assert results(run) == results(whole_of_two)


def test_asked_to_stop_both_stop_and_the_run_goes_on(
    inputs: Path, whole_of_two: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    forks = two(*flags(settings(inputs, save_every=60.0)), "--output", run, pause=0.3)
    until((run / "state" / "learnability.json").exists)
    for fork in forks:
        fork.signal(signal.SIGTERM)
    assert [fork.end() for fork in forks] == [143, 143]
    assert "--resume" in forks[0].said
    done(two("--resume", run))
    assert results(run) == results(whole_of_two)


def test_when_one_fails_its_error_is_the_only_one_with_a_cause(
    inputs: Path, tmp_path: Path
) -> None:
    lines = read_lines(inputs / "train.jsonl")[:8]
    for line in lines:
        line["audio_filepath"] = str(inputs / line["audio_filepath"])
    lines[3]["audio_filepath"] = str(tmp_path / "gone.wav")
    write_lines(tmp_path / "train.jsonl", lines)
    changes = {"dataset": tmp_path / "train.jsonl", "eval_dataset": inputs / "other.jsonl"}
    recipe = settings(inputs, **changes, on_error="fail")
    del recipe["retention_dataset"], recipe["test_dataset"]
    forks = two(*flags(recipe), "--output", tmp_path / "run")
    codes = [fork.end() for fork in forks]
    assert sorted(codes) == [1, 2], "\n".join(fork.said for fork in forks)
    for code, fork in zip(codes, forks, strict=True):
        assert ("gone.wav: there is no such file" in fork.said) == (code == 2)
        assert "Traceback" not in fork.said


def rollouts(run: Path, cycle: int) -> list[dict]:
    lines = [x for p in run.glob(f"cycle-{cycle:02d}/rollouts-*.jsonl") for x in read_lines(p)]
    return sorted(lines, key=lambda line: line["id"])


@pytest.mark.sweep(4)
@pytest.mark.parametrize("selection", ["rloo", "mwer"])
def test_two_processes_learn_by_a_loss_of_its_own_as_one_does(
    inputs: Path, tmp_path: Path, selection: str
) -> None:
    """All targets of a clip are in one process, and the gradients add up to the same."""
    recipe = settings(inputs, selection=selection, adapter="telling-tone-words", num_cycles=1)
    train(tmp_path / "one", recipe)
    done(two(*flags(recipe), "--output", tmp_path / "two"))
    assert rollouts(tmp_path / "two", 1) == rollouts(tmp_path / "one", 1)
    one, both = (read_lines(tmp_path / run / "cycle-01/steps.jsonl") for run in ("one", "two"))
    assert [s["loss"] for s in both] == pytest.approx([s["loss"] for s in one], rel=1e-4, abs=1e-6)
    assert [s["grad_norm"] for s in both] == pytest.approx([s["grad_norm"] for s in one], rel=1e-3)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("before", [1, 2])
def test_another_number_of_processes_goes_on(
    inputs: Path, whole: Path, tmp_path: Path, before: int
) -> None:
    """What was drawn and learnt is the same but for the rounding of sums."""
    run, recipe = tmp_path / "run", settings(inputs)
    if before == 1:
        first = [Fork(train, run, recipe, TONE_WORDS_PAUSE=0.1)]
    else:
        first = two(*flags(recipe), "--output", run, pause=0.1)
    until((run / "state" / "point.json").exists)
    for fork in first:
        fork.signal(signal.SIGKILL)
        fork.end()
    if before == 1:
        done(two("--resume", run))
    else:
        resume(run)
    assert rollouts(run, 1) == rollouts(whole, 1)
    for cycle in range(1, CYCLES + 1):
        found, expected = (results(r)[f"cycle-{cycle:02d}/metrics.json"] for r in (run, whole))
        assert found["kept"] == expected["kept"]
        assert found["loss"] == pytest.approx(expected["loss"], rel=0.05)
        assert found["steps"] == expected["steps"]
    assert ToneWords.load(run / "best", None)
    assert not (run / "state").exists()


def note(folder: Path, rank: int) -> str:
    (folder / f"rank-{rank}").touch()
    return "read"


def read_once(folder: Path, rank: int) -> None:
    processes = Processes("cpu", "float32")
    views = processes.from_main(lambda: (note(folder, rank), MappingProxyType({"a": 1})))
    assert views == ("read", {"a": 1})


def test_the_main_process_alone_reads_and_the_others_get_what_it_read(tmp_path: Path) -> None:
    together = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    done([Fork(read_once, tmp_path, r, RANK=r, LOCAL_RANK=r, **together) for r in (0, 1)])
    assert [path.name for path in tmp_path.iterdir()] == ["rank-0"]


def test_two_processes_on_sound_from_parquet_are_one_run(inputs: Path, tmp_path: Path) -> None:
    """None of them takes away what another has under way, and all read the same."""
    write_manifests(inputs, tmp_path / "files", "row-{}")
    write_parquets(tmp_path / "files", tmp_path / "bytes", with_ids=False)
    for name, suffix in (("files", "jsonl"), ("bytes", "parquet")):
        recipe = settings(inputs, **roles(tmp_path / name, suffix))
        done(two(*flags(recipe), "--output", tmp_path / f"of-{name}"))
    assert said(tmp_path / "of-files") == said(tmp_path / "of-bytes")
    assert weights(tmp_path / "of-files") == weights(tmp_path / "of-bytes")


def test_what_fails_on_the_main_process_is_told_by_it_alone(inputs: Path, tmp_path: Path) -> None:
    recipe = settings(inputs, dataset=str(tmp_path / "missing.jsonl"))
    forks = two(*flags(recipe), "--output", tmp_path / "run")
    assert [fork.end() for fork in forks] == [2, 1]
    assert "missing.jsonl" in forks[0].said
    assert "process 1 of 2: the main process failed. Its error says why." in forks[1].said
    assert "Traceback" not in forks[0].said + forks[1].said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"WORLD_SIZE": 2}, "WORLD_SIZE=2, but RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT is not"),
        ({"LOCAL_RANK": 0}, "LOCAL_RANK=0, but RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT is not"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two is no number"),
    ],
)
def test_variables_of_a_launcher_that_was_not_there(
    inputs: Path, tmp_path: Path, variables: dict[str, object], sentence: str
) -> None:
    arguments = (*flags(settings(inputs)), "--output", tmp_path / "run")
    fork = Fork(command, "train", *arguments, **variables)
    assert fork.end() == 2
    assert sentence in fork.said
    assert "torchrun" in fork.said
    assert not (tmp_path / "run").exists()


def add_up(rank: int) -> None:
    """Learn with weights of which one has a gradient in a single process, and one in none."""
    shared, alone, untouched = (torch.nn.Parameter(torch.ones(2)) for _ in range(3))
    loss = (rank + 1) * shared.sum() + (alone.sum() if rank else 0)
    loss.backward()
    processes = Processes("cpu", "float32")
    processes.sum_gradients([shared, alone, untouched])
    assert shared.grad.tolist() == [3.0, 3.0]
    assert alone.grad.tolist() == [1.0, 1.0]
    assert untouched.grad is None  # so that weight decay leaves it be, as in one process


def test_a_weight_without_a_gradient_has_none_in_two_processes_either() -> None:
    together = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    done([Fork(add_up, rank, RANK=rank, LOCAL_RANK=rank, **together) for rank in (0, 1)])
