"""Weights & Biases, by the file that it keeps for `wandb sync`."""

import json
import os
import struct
import time
from pathlib import Path

import pytest

pytest.importorskip("wandb", reason="needs wandb: python -m pip install 'audioforge[wandb]'")

BLOCK = 32_768
HEADER = 7
WHOLE, LAST = 1, 4
SECONDS = 60.0
"""That a busy machine may take to write a file."""


def records(path):
    """The records of a file: blocks of chunks, each with check sum, length and kind before it."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        parts += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (WHOLE, LAST):
            yield Record.FromString(parts)
            parts = b""


def whole(path):
    """The records of a file once its last one is there: a process of wandb's own writes it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = list(records(path))
        if any(record.HasField("exit") for record in found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{path} has no end")


def read(folder):
    """The ids of the runs, and their history as lists of (step, name, value)."""
    ids, history = [], []
    for path in sorted(folder.glob("trackers/wandb/offline-run-*/*.wandb")):
        for record in whole(path):
            if record.HasField("run"):
                ids.append((record.run.run_id, record.run.display_name, record.run.project))
            if record.HasField("history"):
                items = [i for i in record.history.item if not i.nested_key[1:]]
                row = {i.key or i.nested_key[0]: json.loads(i.value_json) for i in items}
                history += [(row["_step"], name, row[name]) for name in row]
    return ids, history


def steps(history, name):
    return [step for step, found, _ in history if found == name]


@pytest.mark.soak
def test_a_resumed_run_is_the_same_run_and_doubles_nothing(folder, tell):
    tell("wandb", last=3, project="speech", sound=1)
    time.sleep(1)  # the second is in the name of the folder
    tell("wandb", first=2, resumes=True, project="speech", sound=1)
    ids, history = read(folder)
    assert len(ids) == 2, "two parts"
    assert len(set(ids)) == 1, "of one run"
    assert ids[0][1:] == ("mine #1", "speech")
    assert steps(history, "loss") == [1, 2, 3, 4]
    assert steps(history, "eval_wer") == [0, 2, 4]
    tables = [
        json.loads(path.read_text())
        for path in folder.glob(
            "trackers/wandb/offline-run-*/files/media/table/utterances_4_*.json"
        )
    ]
    (table,) = tables
    assert table["columns"][-1] == "sound"
    assert table["data"][0][:6] == ["a", "turn left", "turn 0", "turn 2", 2, 0]
    kept = Path(os.environ["WANDB_DATA_DIR"]).rglob("*")
    assert any(path.is_file() and path.read_bytes()[:4] == b"RIFF" for path in kept)
