"""What a machine may lack: streams, room, permission, a home, a steady clock."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audioforge_demo import assets

from .tone_run import Fork
from .tone_run import command as audioforge_command

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

COMMAND = [sys.executable, "-m", "audioforge"]
VERIFY = ["verify", "predictions.jsonl", "--verifier", "wer", "--json"]
LEAN = {"OMP_NUM_THREADS": "1"}


@pytest.fixture
def here(tmp_path):
    """A folder with predictions."""
    line = {"text": "one two", "pred_text": "one too"}
    lines = [json.dumps({"id": str(i), **line}) + "\n" for i in range(200)]
    (tmp_path / "predictions.jsonl").write_text("".join(lines))
    return tmp_path


def shell(folder, command, redirections="", **variables):
    """Run a command by a shell, whose redirections close streams as users do."""
    words = " ".join(f"'{word}'" for word in [*COMMAND, *command])
    return subprocess.run(
        ["sh", "-c", f"{words} {redirections}"],
        cwd=folder,
        env={**os.environ, **LEAN, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("redirections", "code"),
    [
        (">&-", 0),
        ("2>&-", 0),
        ("<&- >&- 2>&-", 0),
        ("2>/dev/full", 0),
        (">/dev/full", 1),
    ],
)
def test_streams_that_are_closed_or_full(here, redirections, code):
    if "/dev/full" in redirections and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = shell(here, ["plugins", "list"], redirections)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code:
        assert "No space left on device" in done.stderr


def test_a_pipe_whose_reader_is_gone_ends_the_command_quietly(here):
    done = shell(here, ["plugins", "list"], "| true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": "", "TMPDIR": "/nonexistent"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "many"},
    ],
)
def test_no_home_no_temporary_folder_an_old_locale(here, variables):
    done = shell(here, VERIFY, **variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scored"] == 200


def test_a_full_disk_leaves_no_part_of_the_output(here, without_coverage):
    limit = "ulimit -f 8; "  # blocks of 512 bytes or of 1 kB
    words = " ".join(f"'{word}'" for word in [*COMMAND, *VERIFY, "--output", "scores.jsonl"])
    done = subprocess.run(
        ["sh", "-c", limit + words],
        cwd=here,
        env={**without_coverage, **LEAN, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "scores.jsonl" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in here.iterdir()] == ["predictions.jsonl"]


def test_a_place_that_takes_nothing_is_refused_before_the_work(here, no_root):
    (here / "locked").mkdir(mode=0o555)
    model, clips = str(assets.model()), str(assets.target_heldout())
    for command in (
        ["verify", "predictions.jsonl", "--verifier", "wer", "--output", "locked/scores.jsonl"],
        ["benchmark", "--model", model, "--dataset", clips, "--output", "locked"],
    ):
        done = subprocess.run(
            [*no_root, *COMMAND, *command], cwd=here, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "you may not write there" in done.stderr


def with_a_jumping_clock(*arguments):
    """Be the command line while the time of day is anything."""
    steady, far = time.time, random.Random(0)
    time.time = lambda: steady() + far.uniform(-1e9, 1e9)
    time.time_ns = lambda: int(time.time() * 1e9)
    audioforge_command(*arguments)


def test_a_clock_that_jumps_changes_nothing(tmp_path):
    """Time is measured by a monotonic clock, and nothing is decided by the time of day."""
    few = tmp_path / "few.jsonl"
    heldout = assets.target_heldout()
    rows = [json.loads(line) for line in heldout.read_text().splitlines()[:4]]
    for row in rows:
        row["audio_filepath"] = str(heldout.parent / row["audio_filepath"])
    few.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train = ["train", "--model", str(assets.model()), "--dataset", str(assets.target_train())]
    train += ["--eval-dataset", str(few), "--limit", "4", "--cycles", "1"]
    train += ["--samples-per-prompt", "4", "--save-every", "0.01", "--device", "cpu"]
    runs = {}
    for name, begin in (("steady", audioforge_command), ("jumping", with_a_jumping_clock)):
        fork = Fork(begin, *train, "--output", tmp_path / name)
        assert fork.end() == 0, fork.said
        run = tmp_path / name
        rollouts = sorted(run.glob("cycle-*/rollouts-*.jsonl"))
        summary = json.loads((run / "summary.json").read_text())
        seconds = [part for cycle in summary["cycles"] for part in cycle["seconds"].values()]
        assert all(0 <= part < 1000 for part in seconds)
        weights = (run / "best" / "model.safetensors").read_bytes()
        runs[name] = [path.read_bytes() for path in rollouts], weights
    assert runs["steady"][0]
    assert runs["steady"] == runs["jumping"]
