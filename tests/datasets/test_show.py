from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audioforge.cli.datasets import datasets
from audioforge.errors import DatasetError


def run(*arguments):
    result = CliRunner().invoke(datasets, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def show_json(*arguments):
    return json.loads(run("show", *arguments, "--json"))


def test_listing_names_task_size_and_licence():
    listed = {d["name"]: d for d in json.loads(run("--json"))}
    for name in ("librispeech", "common_voice", "speech_commands", "audioset"):
        corpus = listed[name]
        assert corpus["kind"] == "corpus"
        assert corpus["tasks"]
        assert corpus["size"]
        assert corpus["licence"]
    assert listed["manifest"]["reads"] == ["*.jsonl", "*.json", "*.ndjson"]
    assert listed["hub"]["reads"] == ["owner/name"]
    text = run()
    assert all(name in text for name in listed)
    assert "CC0 1.0" in text


def test_show_adds_up_a_manifest(tmp_path, write_sound):
    rows = []
    for seconds, rate, speaker in ((1.0, 16_000, "ann"), (2.0, 8_000, "ben"), (6.0, 16_000, "ann")):
        path = write_sound(tmp_path / f"{seconds}.wav", seconds=seconds, rate=rate)
        row = {"audio_filepath": path.name, "text": "hi", "speaker": speaker, "lang": "en", "x": 1}
        rows.append(json.dumps(row))
    (tmp_path / "m.jsonl").write_text("\n".join(rows))
    report = show_json(tmp_path / "m.jsonl")
    assert report["samples"] == 3
    assert report["hours"] == pytest.approx(9 / 3600)
    assert report["seconds"] == {"min": 1.0, "median": 2.0, "max": 6.0}
    assert report["sampling_rates"] == {"16000": 2, "8000": 1}
    assert (report["speakers"], report["languages"]) == (2, {"en": 3})
    assert report["problems"] == {"n": 0, "kinds": {}, "first": []}
    assert report["style"] == {"capitals": 0.0, "small_letters": 1.0, "punctuation": 0.0}
    example = report["example"]
    assert (example["id"], example["reference"], example["metadata"]) == ("1.0.wav", "hi", ["x"])
    assert show_json(tmp_path / "m.jsonl", "--limit", 1)["samples"] == 1
    text = run("show", tmp_path / "m.jsonl")
    assert "1.00 s shortest, 2.00 s median, 6.00 s longest" in text
    assert "No problems found." in text


def test_show_counts_problems_by_kind_and_names_the_first(tmp_path, write_sound):
    write_sound(tmp_path / "good.wav")
    write_sound(tmp_path / "empty.wav", seconds=0)
    (tmp_path / "noise.wav").write_bytes(b"no sound")
    rows = [
        {"audio_filepath": "good.wav"},
        {"audio_filepath": "empty.wav", "text": "x"},
        {"audio_filepath": "noise.wav", "text": "x"},
        *({"audio_filepath": f"gone{i}.wav", "text": "x"} for i in range(12)),
        ["no", "object"],
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    problems = show_json(path)["problems"]
    assert problems["n"] == 16
    assert problems["kinds"] == {
        "missing audio": 12,
        "empty reference": 1,
        "too short": 1,
        "undecodable": 1,
        "not an object": 1,
    }
    assert len(problems["first"]) == 10
    assert problems["first"][2]["where"] == f"{path}:3: {tmp_path / 'noise.wav'}"
    assert "it is no WAV, FLAC" in problems["first"][2]["reason"]
    assert "… and 6 more" in run("show", path)


def test_show_decodes_every_bad_file_without_a_crash(shared):
    report = show_json(shared / "data" / "bad" / "manifest_all_bad_audio.jsonl")
    kinds = report["problems"]["kinds"]
    unusable = sum(
        kinds[kind] for kind in ("undecodable", "too short", "cancelled out", "cut short")
    )
    assert report["samples"] + unusable == sum(
        1 for _ in (shared / "data" / "bad" / "manifest_all_bad_audio.jsonl").open()
    )


def test_show_names_clips_that_somebody_should_look_at(tmp_path, write_sound):
    for name, seconds in (("a.wav", 1.0), ("b.wav", 1.0), ("c.wav", 1.0)):
        write_sound(tmp_path / name, seconds=seconds)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    rows = [
        {"audio_filepath": "a.wav", "text": "x", "duration": 1.05},
        {"audio_filepath": "b.wav", "text": "x", "duration": 1.2},
        {"audio_filepath": "c.wav", "text": "x", "duration": 0.5, "offset": 0.25},
        {"audio_filepath": "silent.wav", "text": "x"},
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = show_json(path)
    assert report["samples"] == 4
    named = [(p["where"].split(": ")[0], p["kind"]) for p in report["problems"]["first"]]
    assert named == [(f"{path}:2", "other length"), (f"{path}:4", "silent")]
    assert "1 s long, where 1.2 s are stated" in report["problems"]["first"][0]["reason"]


def test_show_reads_an_archive_with_its_settings(tmp_path, write_sound):
    write_sound(tmp_path / "yes" / "0a7c2a8d_nohash_0.wav", seconds=1)
    for name in ("testing_list.txt", "validation_list.txt"):
        (tmp_path / name).write_text("")
    report = show_json("speech_commands", "--data-dir", tmp_path, "--split", "train")
    assert (report["samples"], report["labels"], report["limit"]) == (1, {"yes": 1}, None)


def test_show_passes_the_dataset_errors_on(tmp_path):
    with pytest.raises(DatasetError, match="no dataset has that name"):
        run("show", "librispeach")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DatasetError, match="no dataset format has this ending"):
        run("show", tmp_path / "notes.txt")
    with pytest.raises(DatasetError, match="the folder holds no dataset"):
        run("show", tmp_path)


def test_the_command_line_prints_the_error_and_exits_2(tmp_path):
    code = "from audioforge.cli import main; main()"
    command = [sys.executable, "-c", code, "datasets", "show", "common_voice"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 2
    assert "Mozilla Data Collective" in done.stderr
    assert "Traceback" not in done.stderr
