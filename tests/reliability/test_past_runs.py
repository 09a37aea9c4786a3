"""What `audioforge runs` says of a run that is at work, that failed, and that was stopped."""

import json
import signal

import pytest
from click.testing import CliRunner

from audioforge import trainer
from audioforge.cli import cli
from audioforge.errors import TrainingError
from audioforge.inference.stop import Interrupted

from .tone_run import resume, settings, train


def told(folder):
    (run,) = json.loads(CliRunner().invoke(cli, ["runs", str(folder), "--json"]).stdout)
    return run["state"], run["error"]


def test_running_failed_and_interrupted(inputs, tmp_path, monkeypatch):
    seen = []

    def _stops_by(error):
        def _train(*_):
            seen.append(told(tmp_path))
            raise error

        monkeypatch.setattr(trainer, "train", _train)

    _stops_by(TrainingError("it gave out"))
    with pytest.raises(TrainingError):
        train(tmp_path / "run", settings(inputs))
    assert seen == [("running", None)]
    assert told(tmp_path) == ("failed", "it gave out")
    # Going on, it has not failed; and what was asked to stop did not fail.
    _stops_by(Interrupted(signal.SIGTERM))
    with pytest.raises(Interrupted):
        resume(tmp_path / "run")
    assert seen[1:] == [("running", None)]
    assert told(tmp_path) == ("interrupted", None)
    # Nothing of it is removed.
    before = sorted(tmp_path.rglob("*"))
    for flags in ([], ["--whole"]):
        result = CliRunner().invoke(cli, ["runs", "clean", str(tmp_path), "--yes", *flags])
        assert "nothing to remove" in result.stdout
    assert sorted(tmp_path.rglob("*")) == before
