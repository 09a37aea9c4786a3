"""A run that used a single file as a plugin is resumed with it, and says when it is missing."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from audioforge.cli import cli

from .tone_run import Fork, command, flags, results, settings, until

IDEA = """
from audioforge.hookspecs import hookimpl
from audioforge.sample import Score
from audioforge.specs import VerifierSpec
from audioforge.verifier import Verifier

AUDIOFORGE_API = 1


class Same(Verifier):
    tasks = ("asr",)

    def verify(self, samples, hypotheses):
        pairs = zip(samples, hypotheses, strict=True)
        return [Score(float(h.text == s.reference)) for s, h in pairs]


@hookimpl
def register_verifiers():
    return [VerifierSpec(name="same", summary="Right or not.", tasks=("asr",),
                         factory=f"{__name__}:Same")]
"""


@pytest.fixture
def idea(tmp_path: Path) -> Path:
    path = tmp_path / "idea.py"
    path.write_text(IDEA)
    return path


def test_it_is_asked_for_again(inputs: Path, idea: Path, tmp_path: Path) -> None:
    recipe = flags(settings(inputs, verifier="same", retention_dataset=str(inputs / "other.jsonl")))
    whole = Fork(command, "train", *recipe, "--plugin", idea, "--output", tmp_path / "whole")
    assert whole.end() == 0, whole.said
    run = tmp_path / "run"
    arguments = ("train", *recipe, "--plugin", idea, "--output", run)
    begun = Fork(command, *arguments, TONE_WORDS_PAUSE=0.05)
    until((run / "cycle-01/rollouts-00000.jsonl").is_file)
    begun.signal(signal.SIGKILL)
    begun.end()
    recorded = json.loads((run / "environment.json").read_text())["plugins"]["idea.py"]
    assert recorded["file"] == str(idea)
    result = CliRunner().invoke(cli, ["train", "--resume", str(run)])
    assert result.exit_code == 2
    assert f"the run was started with --plugin {idea}; give it again" in result.output
    idea.write_text(IDEA + "# changed\n")
    refused = Fork(command, "train", "--resume", run, "--plugin", idea)
    assert refused.end() == 2
    assert "the code of idea.py: changed" in " ".join(refused.said.split())
    idea.write_text(IDEA)
    renamed = idea.rename(tmp_path / "renamed.py")
    resumed = Fork(command, "train", "--resume", run, "--plugin", renamed)
    assert resumed.end() == 0, resumed.said
    assert results(run) == results(tmp_path / "whole")
