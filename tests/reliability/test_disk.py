"""A disk that is full, forbids, or loses the run folder: the file is named and nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audioforge.files import atomic
from audioforge.files.journal import Journal
from audioforge.run.folder import RunFolder
from audioforge.run.resume_points import ResumePoints

from .tone_run import Fork, ToneWords, command, flags, results, resume, settings

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

NOBODY = 65534


def at_call(owner: object, name: str, number: int, action: Callable[[], object]) -> None:
    """Do something before a call of a function, in a fork that ends soon."""
    original, calls = getattr(owner, name), [0]

    def _call(*arguments: object, **named: object) -> object:
        calls[0] += 1
        if calls[0] == number:
            action()
        return original(*arguments, **named)

    setattr(owner, name, _call)


def fill_the_disk() -> None:
    """Let no file grow, as a full disk or a quota does; a pipe still takes what is said."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


def forbid(run: Path) -> None:
    """Take the permission to write away."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    else:
        for folder in (run, *(p for p in run.rglob("*") if p.is_dir())):
            folder.chmod(0o555)


def permit(run: Path) -> None:
    for folder in (run, *(p for p in run.rglob("*") if p.is_dir())):
        folder.chmod(0o755)


STAGES: dict[str, tuple[object, str, int, str]] = {
    "settings": (RunFolder, "write_config", 1, "config.yaml"),
    "base evaluation": (Journal, "append", 1, "state/cycle-00/held-out-00000.jsonl"),
    "probe": (ToneWords, "sample", 10, "state/cycle-01/probe-00000.jsonl"),
    "rollouts": (ToneWords, "sample", 28, "cycle-02/rollouts-00000.jsonl"),
    "selection": (atomic, "write_jsonl", 2, "cycle-01/rollouts-00000.jsonl"),
    "resume point": (ResumePoints, "save", 3, "state/.point-000003"),
    "checkpoint": (RunFolder, "save_checkpoint", 1, "cycle-01/checkpoint"),
    "metrics": (RunFolder, "write_metrics", 2, "cycle-01/metrics.json"),
    "best model": (shutil, "copytree", 1, "best"),
    "summary": (RunFolder, "write_summary", 1, "summary.json"),
}


def faulty(inputs: Path, run: Path, stage: str, fault: Callable[[], object]) -> str:
    """Have a run meet a fault at a stage; return what it said at its end."""
    owner, name, number, _ = STAGES[stage]

    def _train() -> None:
        at_call(owner, name, number, fault)
        command("train", *flags(settings(inputs)), "--output", run)

    fork = Fork(_train)
    assert fork.end() == 1, fork.said
    assert "Traceback" not in fork.said
    return fork.said.replace("\n", "")


def finish(inputs: Path, run: Path) -> None:
    """Do what a user does when the fault is mended."""
    begun = (run / "config.yaml").is_file()
    how = ["--resume", run] if begun else [*flags(settings(inputs)), "--output", run]
    fork = Fork(command, "train", *how)
    assert fork.end() == 0, fork.said


@pytest.mark.sweep(6)
@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_names_the_file_and_the_run_goes_on_when_there_is_room(
    inputs: Path, whole: Path, tmp_path: Path, stage: str
) -> None:
    said = faulty(inputs, tmp_path / "run", stage, fill_the_disk)
    assert f"{tmp_path / 'run' / STAGES[stage][3]}" in said
    assert "too large" in said.lower()
    if stage != "settings":
        assert f"audioforge train --resume {tmp_path / 'run'}" in said
    finish(inputs, tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)


@pytest.mark.sweep(6)
@pytest.mark.parametrize("stage", ["rollouts", "resume point", "checkpoint", "metrics", "summary"])
def test_lost_permission_names_the_file_and_the_run_goes_on_when_it_is_back(
    inputs: Path, whole: Path, tmp_path: Path, stage: str
) -> None:
    run = tmp_path / "run"
    said = faulty(inputs, run, stage, lambda: forbid(run))
    permit(run)
    assert str(run / STAGES[stage][3].rpartition("/")[0]).rstrip("/") in said
    assert "Permission denied" in said
    finish(inputs, run)
    assert results(run) == results(whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("free", [0, 12_288, 32_768, 65_536])
def test_a_file_system_that_is_full(inputs: Path, whole: Path, small_disk: Path, free: int) -> None:
    space = os.statvfs(small_disk)
    filler, run = small_disk / "filler", small_disk / "run"
    filler.write_bytes(bytes(space.f_bavail * space.f_frsize - free))
    fork = Fork(command, "train", *flags(settings(inputs)), "--output", run)
    assert fork.end() in (1, 2), fork.said
    assert "Traceback" not in fork.said
    assert "No space left on device" in fork.said.replace("\n", " ")
    assert str(run) in fork.said.replace("\n", "")
    filler.unlink()
    finish(inputs, run)
    assert results(run) == results(whole)


@pytest.mark.sweep(6)
@pytest.mark.parametrize("stage", ["base evaluation", "rollouts", "resume point", "checkpoint"])
@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "a file instead"])
def test_a_run_whose_folder_is_taken_away_ends_and_does_not_make_it_anew(
    inputs: Path, tmp_path: Path, stage: str, replaced: bool
) -> None:
    run = tmp_path / "run"

    def _take_away() -> None:
        shutil.rmtree(run)
        if replaced:
            run.write_text("mine")

    said = faulty(inputs, run, stage, _take_away)
    assert str(run) in said
    assert "No such file or directory" in said or "Not a directory" in said
    if replaced:
        assert run.read_text() == "mine"
    else:
        assert not run.exists()


def test_a_resumed_run_that_may_not_write_says_so(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    faulty(inputs, run, "checkpoint", fill_the_disk)
    before = results(run)

    def _resume() -> None:
        at_call(RunFolder, "mend", 1, lambda: forbid(run))
        command("train", "--resume", run)

    fork = Fork(_resume)
    assert fork.end() == 1
    permit(run)
    assert "Traceback" not in fork.said
    assert results(run).keys() >= before.keys()
    resume(run)
    assert results(run) == results(whole)
