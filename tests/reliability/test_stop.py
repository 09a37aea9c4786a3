"""Asked to stop, a run finishes its batch, saves, and says how to go on; asked twice, it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audioforge.files.journal import whole_lines

from .tone_run import (
    CYCLES,
    SECONDS,
    Fork,
    command,
    flags,
    read_lines,
    results,
    resume,
    settings,
    until,
)

PAUSE = "TONE_WORDS_PAUSE"


def rollouts(run: Path) -> list[Path]:
    return [path for path in run.glob("cycle-01/rollouts-*.jsonl") if path.stat().st_size]


def point(run: Path) -> list[Path]:
    return list(run.glob("state/point.json"))


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("number", "code", "reached"),
    [(signal.SIGTERM, 143, rollouts), (signal.SIGINT, 130, rollouts), (signal.SIGTERM, 143, point)],
)
def test_asked_once_it_finishes_the_batch_and_says_how_to_go_on(
    inputs: Path, whole: Path, tmp_path: Path, number: int, code: int, reached: object
) -> None:
    run = tmp_path / "run"
    arguments = ["train", *flags(settings(inputs)), "--output", run]
    fork = Fork(command, *arguments, **{PAUSE: 0.3})
    until(lambda: reached(run))
    fork.signal(number)
    assert fork.end() == code
    assert "Stopping after this batch; once more to stop at once." in fork.said
    assert f"stopped by {signal.Signals(number).name}" in fork.said
    assert f"audioforge train --resume {run}" in fork.said.replace("\n", "")
    for path in rollouts(run):
        assert len(list(whole_lines(path))) == len(path.read_text().splitlines())
    assert not (run / "summary.json").exists()
    resume(run)
    assert results(run) == results(whole)


def test_asked_in_the_update_it_loses_no_step(inputs: Path, whole: Path, tmp_path: Path) -> None:
    """No resume point is due for an hour; being asked makes one."""
    run = tmp_path / "run"
    recipe = settings(inputs, save_every=60.0)
    fork = Fork(command, "train", *flags(recipe), "--output", run, **{PAUSE: 0.5})
    until((run / "state" / "learnability.json").exists)
    time.sleep(0.2)
    fork.signal(signal.SIGTERM)
    assert fork.end() == 143
    (progress,) = run.glob("state/point-*/progress.json")
    assert '"finished": false' in progress.read_text()
    resume(run)
    assert results(run) == results(whole)


def test_asked_twice_it_stops_at_once(inputs: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fork = Fork(command, "train", *flags(settings(inputs)), "--output", run, **{PAUSE: SECONDS})
    until((run / "state" / "run.json").exists)
    time.sleep(0.5)  # the first batch is under way, and would take two minutes
    fork.signal(signal.SIGINT)
    time.sleep(0.1)
    fork.signal(signal.SIGINT)
    assert fork.end() == 130
    assert not rollouts(run), "it has waited for its batch"
    assert "interrupted" in fork.said
    assert "--resume" in fork.said
    resume(run)
    assert results(run) == results(whole)


@pytest.mark.soak
@pytest.mark.slow
def test_a_launcher_that_is_asked_stops_its_workers_and_the_run_goes_on(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    launched = subprocess.Popen(
        [*launcher, "-m", "audioforge", "train", *flags(settings(inputs)), "--output", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", PAUSE: "0.3"},
    )
    until(lambda: rollouts(run) or launched.poll() is not None)
    launched.send_signal(signal.SIGTERM)
    said, _ = launched.communicate(timeout=SECONDS)
    assert launched.returncode != 0
    assert "Stopping after this batch" in said
    assert f"audioforge train --resume {run}" in said.replace("\n", "")
    lines = [line for path in rollouts(run) for line in read_lines(path)]
    assert lines
    resume(run)
    kept = [line for path in rollouts(run) for line in read_lines(path)]
    expected = [line for path in rollouts(whole) for line in read_lines(path)]
    assert sorted(kept, key=lambda x: x["id"]) == sorted(expected, key=lambda x: x["id"])
    assert len(list(run.glob("cycle-*/metrics.json"))) == 1 + CYCLES
