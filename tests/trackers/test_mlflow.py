"""MLflow, by the database and the files of the run folder."""

import json
import sqlite3

import pytest

mlflow = pytest.importorskip(
    "mlflow", reason="needs mlflow: python -m pip install 'audioforge[mlflow]'"
)


def test_a_resumed_run_is_the_same_run_and_doubles_nothing(folder, tell):
    tell("mlflow", last=3, finishes=False, sound=2)
    tell("mlflow", first=2, resumes=True, sound=2)
    with sqlite3.connect(folder / "trackers/mlflow.db") as database:
        (run,) = database.execute("select run_uuid, name, status from runs").fetchall()
        rows = database.execute("select key, step from metrics order by step").fetchall()
        settings = dict(database.execute("select key, value from params").fetchall())
    assert run[1:] == ("mine #1", "FINISHED")
    assert [step for key, step in rows if key == "loss"] == [1, 2, 3, 4]
    assert [step for key, step in rows if key == "eval_wer"] == [0, 2, 4]
    assert settings["verifier"] == '["wer"]'
    artifacts = folder / "trackers/mlflow" / run[0] / "artifacts"
    table = json.loads((artifacts / "utterances/cycle-02.json").read_text())
    assert table["data"][0] == ["a", "turn left", "turn 0", "turn 2", 2, 0, 2]
    assert len(list((artifacts / "sound").glob("*.wav"))) == 2


def test_the_store_of_the_process_is_as_it_was(tell, tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'all.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    tell("mlflow", last=0, experiment="speech")
    assert mlflow.get_tracking_uri() == uri
    (run,) = mlflow.search_runs(experiment_names=["speech"], output_format="list")
    assert run.data.metrics["eval_wer"] == 0.5
