"""The soak scripts, shortened: the demo killed in every phase, one of two workers killed, and small
runs of every task killed, whose sound comes as bytes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.soak


def said_by(root: Path, script: str, *arguments: str) -> str:
    """Return what a script prints, when everything was equal."""
    environment = {k: v for k, v in os.environ.items() if k != "AUDIOFORGE_PLUGINS"}
    ended = subprocess.run(
        [sys.executable, str(root / "benchmarks" / script), "--short", *arguments],
        capture_output=True,
        text=True,
        env={**environment, "OMP_NUM_THREADS": "1"},
        timeout=900,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def soak(root: Path, *arguments: str) -> dict[str, int]:
    """Return the script's table: kills by what was under way."""
    said = said_by(root, "soak.py", "--runs=1", *arguments)
    assert "1 results equal" in said
    rows = re.findall(r"^\| (\w+) \| (\d+) \|", said, re.MULTILINE)
    return {phase: int(kills) for phase, kills in rows}


@pytest.mark.soak
def test_killed_once_in_every_phase_the_demo_ends_the_same(root: Path) -> None:
    """`test_resume.py` kills a smaller run at its writes and while its model works."""
    kills = soak(root, "--each-phase")
    for phase in ("base", "sample", "update", "evaluate", "export"):
        assert kills[phase] == 1, kills


@pytest.mark.soak
def test_with_one_of_two_workers_killed_the_demo_ends_the_same(root: Path) -> None:
    """`test_processes.py` kills one of two processes of a smaller run."""
    assert sum(soak(root, "--processes=2").values()) >= 1


def killed_once(root: Path, *tasks: str) -> None:
    """Kill a small run of each task, and compare."""
    said = said_by(root, "kills.py", f"--kills={len(tasks)}", "--tasks", *tasks)
    rows = re.findall(
        r"^\| ([\w-]+) \| [\d.]+ \| (\d+) \| (\d+) \|.* (\d+) \|$", said, re.MULTILINE
    )
    assert {task: int(kills) for task, _, kills, _ in rows} == dict.fromkeys(tasks, 1)
    assert all(runs == equal for _, runs, _, equal in rows), said


def test_a_task_ends_the_same_when_its_sound_came_as_bytes(root: Path) -> None:
    killed_once(root, "ctc")


@pytest.mark.soak
def test_every_task_ends_the_same_when_its_sound_came_as_bytes(root: Path) -> None:
    killed_once(root, "whisper", "whisper-lora", "ctc", "classification", "text-to-speech")
