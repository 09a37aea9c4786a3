"""The soak script, shortened: the demo killed in every phase, and one of two workers killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def soak(root: Path, *arguments: str) -> dict[str, int]:
    """Return the script's table: kills by what was under way."""
    environment = {k: v for k, v in os.environ.items() if k != "AUDIOFORGE_PLUGINS"}
    ended = subprocess.run(
        [sys.executable, str(root / "benchmarks" / "soak.py"), "--short", "--runs=1", *arguments],
        capture_output=True,
        text=True,
        env={**environment, "OMP_NUM_THREADS": "1"},
        timeout=900,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 results equal" in ended.stdout
    rows = re.findall(r"^\| (\w+) \| (\d+) \|", ended.stdout, re.MULTILINE)
    return {phase: int(kills) for phase, kills in rows}


def test_killed_once_in_every_phase_the_demo_ends_the_same(root: Path) -> None:
    kills = soak(root, "--each-phase")
    for phase in ("base", "sample", "update", "evaluate", "export"):
        assert kills[phase] == 1, kills


def test_with_one_of_two_workers_killed_the_demo_ends_the_same(root: Path) -> None:
    assert sum(soak(root, "--processes=2").values()) >= 1
