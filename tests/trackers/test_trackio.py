"""Trackio, by its own database and media."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from audioforge.errors import PluginError

pytest.importorskip("trackio", reason="needs trackio: python -m pip install 'audioforge[trackio]'")


def test_a_resumed_run_is_the_same_run_and_doubles_nothing(folder, tell, capsys):
    tell("trackio", last=3, project="speech", sound=2)
    tell("trackio", first=2, resumes=True, project="speech", sound=2)
    store = Path(os.environ["TRACKIO_DIR"])
    with sqlite3.connect(store / "speech.db") as database:
        rows = database.execute(
            "select run_name, step, metrics from metrics order by id"
        ).fetchall()
    assert len({name for name, _, _ in rows}) == 1
    assert rows[0][0].startswith("mine #1-")
    told = [(step, json.loads(metrics)) for _, step, metrics in rows]
    assert [step for step, metrics in told if "loss" in metrics] == [1, 2, 3, 4]
    assert [step for step, metrics in told if "eval_wer" in metrics] == [0, 2, 4]
    tables = {step: m["utterances"]["_value"] for step, m in told if "utterances" in m}
    assert sorted(tables) == [0, 2, 4]
    assert (tables[4][0]["base"], tables[4][0]["now"], tables[4][0]["errors"]) == (
        "turn 0",
        "turn 2",
        0,
    )
    sounds = [path for path in store.rglob("*.wav") if "speech" in path.parts]
    assert len(sounds) == 2
    assert capsys.readouterr().out == ""


def test_a_folder_that_takes_nothing_is_refused_before_anything_is_lost(
    folder, tell, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("trackio.utils.TRACKIO_DIR", tmp_path / "file" / "store")
    with pytest.raises(PluginError, match=r"file/store cannot be written to .*set TRACKIO_DIR"):
        tell("trackio", project="speech")
