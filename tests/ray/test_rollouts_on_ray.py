"""Rollouts on Ray: stopped and gone on with elsewhere, scored apart, and verifiers that hang."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audioforge_demo import assets

pytest.importorskip("ray")

PLUGIN = """
import time
from audioforge.hookspecs import hookimpl
from audioforge.sample import Score
from audioforge.specs import VerifierSpec
from audioforge.verifier import Verifier
AUDIOFORGE_API = 4


class Sleepy(Verifier):
    tasks = ("asr",)

    def verify(self, samples, hypotheses):
        if any(sample.id.endswith("7.ogg") for sample in samples):
            time.sleep(120)
        return [Score(1.0) for _ in hypotheses]


@hookimpl
def register_verifiers():
    factory = f"{__name__}:Sleepy"
    return [VerifierSpec(name="sleepy", summary="Sleeps.", tasks=("asr",), factory=factory)]
"""
SETTINGS = {
    "cycles": 1,
    "steps-per-cycle": 1,
    "limit": 24,
    "batch-size": 2,
    "samples-per-prompt": 2,
    "normalizer": "none",
    "device": "cpu",
    "min-kept": 0,
    "reward-threshold": 0,
}
LOCAL, RAY = "processes", os.environ.get("AUDIOFORGE_TEST_RAY", "ray:rollout_workers=2")


def command(output, executor, *more):
    settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
    return [
        *(sys.executable, "-m", "audioforge", "train", f"--model={assets.model()}"),
        *("--dataset=demo", f"--output={output}", f"--executor={executor}", *settings, *more),
    ]


def resumed(output, executor):
    return [
        *(sys.executable, "-m", "audioforge", "train", f"--resume={output}"),
        f"--executor={executor}",
    ]


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def rollouts(folder: Path):
    """What rollouts say, but for how likely they are, which is rounded otherwise by the batch."""
    found = [
        json.loads(line)
        for path in folder.glob("cycle-01/rollouts-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    for line in found:
        for hypothesis in line["hypotheses"]:
            hypothesis["logprob"] = round(hypothesis["logprob"], 3)
    return sorted(found, key=lambda line: line["id"])


@pytest.mark.soak
def test_a_verifier_that_hangs_is_ended_in_a_worker_too(tmp_path):
    plugin = tmp_path / "sleepy_verifier.py"
    plugin.write_text(PLUGIN)
    more = ["--verifier=wer", "--verifier=sleepy", "--verifier-timeout=1", f"--plugin={plugin}"]
    run(command(tmp_path / "run", RAY, *more, "--max-verifier-failures=1"))
    late = {
        line["id"]: [h["scores"]["sleepy"].get("error") for h in line["hypotheses"]]
        for line in rollouts(tmp_path / "run")
    }
    assert any(name.endswith("7.ogg") for name in late)
    for name, errors in late.items():
        for error in errors:
            assert (error is not None) == name.endswith("7.ogg")
            assert error is None or "took longer than" in error or "given up" in error


@pytest.mark.soak
def test_what_others_score_comes_out_the_same(tmp_path):
    run(command(tmp_path / "here", LOCAL))
    run(command(tmp_path / "there", f"{RAY},verifier_workers=1"))
    assert rollouts(tmp_path / "here") == rollouts(tmp_path / "there") != []


@pytest.mark.soak
@pytest.mark.parametrize(("first", "then"), [(RAY, LOCAL), (LOCAL, RAY)])
def test_a_run_that_was_stopped_goes_on_with_another_executor(tmp_path, first, then):
    run(command(tmp_path / "whole", LOCAL))
    folder = tmp_path / "stopped"
    with subprocess.Popen(command(folder, first), stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 300
        while not list(folder.glob("cycle-01/rollouts-*.jsonl")) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert "--resume" in said
    run(resumed(folder, then))
    assert rollouts(folder) == rollouts(tmp_path / "whole") != []
