"""The scripts of chaos and equality, shortened: a worker, a node and the driver are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs audioforge-ray, which brings Ray")

pytestmark = pytest.mark.soak

LIMIT_S = 1800


def said_by(root: Path, script: str, *arguments: str) -> str:
    """Return what a script prints, when everything was equal."""
    ended = subprocess.run(
        [sys.executable, str(root / "benchmarks" / script), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_after_one_kill_of_each_kind_the_run_ends_the_same(root: Path) -> None:
    said = said_by(root, "cluster_chaos.py", "--runs=1", "--each-kind", "--short")
    assert "1 results equal" in said
    for kind in ("rollout worker", "node", "update worker", "driver"):
        assert f"| {kind} | 1 |" in said, said


def test_a_run_is_the_same_in_every_place(root: Path) -> None:
    said = said_by(root, "cluster_equality.py", "--limit=32", "--steps=4")
    assert said.count("| Ray ") >= 4
