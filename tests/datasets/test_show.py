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
from audioforge.cli.sections import CONTEXT
from audioforge.errors import DatasetError
from audioforge.find_adapter import load_adapter, read_limits
from audioforge.model import LoadOptions
from audioforge.plugins import discover


def run(*arguments):
    result = invoke(*arguments)
    assert result.exit_code == 0
    return result.stdout


def invoke(*arguments):
    """Call the command as the command line does, but for what becomes of errors."""
    texts = [str(argument) for argument in arguments]
    return CliRunner().invoke(datasets, texts, catch_exceptions=False, **CONTEXT)


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
    assert listed["manifest"]["reads"][:4] == ["*.jsonl", "*.json", "*.ndjson", "*.jsonl.gz"]
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
    assert report["seconds"] == {"min": 1.0, "median": 2.0, "p95": pytest.approx(5.6), "max": 6.0}
    assert report["sampling_rates"] == {"16000": 2, "8000": 1}
    assert report["channels"] == {"1": 3}
    assert report["largest_speaker"] == {"speaker": "ann", "clips": 2}
    assert (report["speakers"], report["languages"]) == (2, {"en": 3})
    assert report["problems"] == {"n": 0, "kinds": {}, "first": []}
    assert report["style"] == {"capitals": 0.0, "small_letters": 1.0, "punctuation": 0.0}
    assert len(report["examples"]) == 3
    example = report["examples"][0]
    assert (example["id"], example["reference"], example["metadata"]) == ("1.0.wav", "hi", ["x"])
    assert show_json(tmp_path / "m.jsonl", "--limit", 1)["samples"] == 1
    text = run("show", tmp_path / "m.jsonl")
    assert "1.00 s shortest, 2.00 s median, 5.60 s 95th percentile, 6.00 s longest" in text
    assert "speakers       2; 2 clips of ann, who has most\n" in text
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
    assert len(problems["first"]) == 14, "ten of each kind at the most"
    assert problems["first"][2]["where"] == f"{path}:3: {tmp_path / 'noise.wav'}"
    assert "it is no WAV, FLAC" in problems["first"][2]["reason"]
    assert "… and 2 more" in run("show", path)


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
    for name, seconds in (("a.wav", 1.0), ("b.wav", 1.01), ("c.wav", 1.02)):
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
    assert "1.01 s long, where 1.2 s are stated" in report["problems"]["first"][0]["reason"]


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


def manifest(folder, rows):
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def named(report):
    return [(p["where"].split(": ")[0].rpartition(":")[2], p["kind"]) for p in report]


def strict(*arguments):
    return invoke("show", *arguments, "--strict")


def test_strict_exits_1_on_any_problem_and_0_without(tmp_path, write_sound):
    write_sound(tmp_path / "a.wav", seconds=1)
    good = {"audio_filepath": "a.wav", "text": "x"}
    assert strict(manifest(tmp_path, [good])).exit_code == 0
    result = strict(manifest(tmp_path, [good, {"audio_filepath": "gone.wav", "text": "x"}]))
    assert result.exit_code == 1
    assert "missing audio: " in result.stdout, "the report is printed before"
    assert "1 problem found, and --strict allows none" in result.stderr


def test_one_sound_with_two_texts_is_named_under_any_name_of_its(tmp_path, write_sound):
    write_sound(tmp_path / "a.wav", seconds=1)
    write_sound(tmp_path / "c.wav", seconds=2)
    (tmp_path / "copy.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    path = manifest(
        tmp_path,
        [
            {"audio_filepath": "a.wav", "text": "two eight one"},
            {"audio_filepath": "a.wav", "text": "two four six"},
            {"audio_filepath": "copy.wav", "text": "nine"},
            {"audio_filepath": "a.wav", "text": "two  eight one"},
            {"audio_filepath": "c.wav", "text": "one", "offset": 0.0, "duration": 1.0},
            {"audio_filepath": "c.wav", "text": "two", "offset": 1.0, "duration": 1.0},
        ],
    )
    problems = show_json(path)["problems"]
    found = [("2", "two texts"), ("3", "two texts"), ("4", "same sound")]
    assert named(problems["first"]) == found, "two parts of one file are two sounds"
    assert (
        "row 1 has the same sound with another text than 'two four six'"
        in (problems["first"][0]["reason"])
    )
    by_header = show_json(path, "--decode", 0)["problems"]
    assert named(by_header["first"]) == [("2", "two texts"), ("4", "same sound")]


def test_clips_without_a_speaker_are_counted_where_others_have_one(tmp_path, write_sound):
    """They could be anybody's, so that held-out speakers may be learnt from."""
    for name in "abcd":
        write_sound(tmp_path / f"{name}.wav", seconds=1 + ord(name) / 1000)
    rows = [{"audio_filepath": f"{n}.wav", "text": "x", "speaker": "ann"} for n in "abcd"]
    rows[1]["speaker"], rows[2]["speaker"] = None, " "
    report = show_json(manifest(tmp_path, rows))
    assert (report["speakers"], report["without_speaker"]) == (1, 2)
    assert named(report["problems"]["first"]) == [("2", "no speaker")]
    assert "2 of 4 clips state no speaker" in report["problems"]["first"][0]["reason"]
    nobody = show_json(manifest(tmp_path, [{**row, "speaker": None} for row in rows]))
    assert (nobody["without_speaker"], nobody["problems"]["n"]) == (4, 0)


def test_what_is_not_decoded_is_read_from_its_header(tmp_path, write_sound):
    write_sound(tmp_path / "a.wav", seconds=1)
    soundfile.write(tmp_path / "silent.wav", np.zeros((16_000, 2)), 16_000)
    row = {"audio_filepath": "silent.wav", "text": "x"}
    path = manifest(tmp_path, [{"audio_filepath": "a.wav", "text": "x"}, row])
    report = show_json(path, "--decode", 1)
    assert (report["samples"], report["decoded"], report["hours"]) == (2, 1, 2 / 3600)
    assert (report["channels"], report["problems"]["n"]) == ({"1": 1, "2": 1}, 0)
    assert "Decoded in full: 1 clips" in run("show", path, "--decode", 1)
    assert show_json(path, "--decode", "all")["problems"]["kinds"] == {"silent": 1}
    result = invoke("show", path, "--decode", "some")
    assert result.exit_code == 2
    assert "neither a number of clips nor 'all'" in result.stderr


def test_silence_of_which_the_text_says_so_is_in_order(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    path = manifest(tmp_path, [{"audio_filepath": "silent.wav", "text": ""}])
    assert show_json(path)["problems"]["n"] == 0


@pytest.fixture
def model(tmp_path):
    """Write the small files of a checkpoint; there are no weights to load."""

    def write(config, **files):
        folder = tmp_path / "model"
        folder.mkdir()
        for name, content in {"config": config, **files}.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        return folder

    return write


def test_what_a_recogniser_of_letters_cannot_write_or_hear(tmp_path, write_sound, model):
    write_sound(tmp_path / "a.wav", seconds=1)
    write_sound(tmp_path / "long.wav", seconds=121, rate=2_000)
    letters = {c: n for n, c in enumerate(["<pad>", "<unk>", "|", *"ABCDEFHILMNOTU'"])}
    ctc = model({"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]}, vocab=letters)
    rows = [
        {"audio_filepath": "a.wav", "text": "the cliché, that’s a-b 5"},
        {"audio_filepath": "long.wav", "text": "hello"},
    ]
    path = manifest(tmp_path, rows)
    report = show_json(path, "--model", ctc)
    assert report["model"]["unknown_characters"] == {"5": 1, "s": 1, "é": 1}
    assert (report["model"]["max_seconds"], report["model"]["too_long"]) == (120, 1)
    found = [("1", "not in vocabulary"), ("2", "too long")]
    assert named(report["problems"]["first"]) == found
    assert "its vocabulary lacks 5 (1), s (1), é (1)" in run("show", path, "--model", ctc)


def test_what_a_classifier_cannot_say(tmp_path, write_sound, model):
    write_sound(tmp_path / "a.wav", seconds=3)
    classifier = model(
        {
            "model_type": "whisper",
            "architectures": ["WhisperForAudioClassification"],
            "id2label": {"0": "yes", "1": "no"},
        },
        preprocessor_config={"chunk_length": 2},
    )
    row = {"audio_filepath": "a.wav", "label": ["yes", "maybe"]}
    report = show_json(manifest(tmp_path, [row]), "--model", classifier)
    assert report["model"]["unknown_labels"] == {"maybe": 1}
    kinds = {"too long": 1, "not a label of the model": 1}
    assert report["problems"]["kinds"] == kinds
    assert report["model"]["unknown_characters"] is None


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("nano-whisper-digits", "asr"),
        ("nano-wav2vec2-digits", "asr"),
        ("nano-digit-classifier", "classification"),
    ],
)
def test_limits_read_from_files_are_those_of_the_loaded_model(shared, name, task):
    checkpoint = str(shared / "models" / name)
    registry = discover()
    limits = read_limits(registry, checkpoint)
    adapter = load_adapter(registry, checkpoint, task, LoadOptions())
    assert limits.max_seconds == adapter.max_seconds
    assert limits.labels == adapter.labels
    assert (limits.unknown_characters is not None) == ("wav2vec" in name)


def test_show_with_a_model_imports_no_torch(tmp_path, write_sound, model):
    write_sound(tmp_path / "a.wav", seconds=1)
    whisper = model(
        {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]},
        processor_config={"feature_extractor": {"chunk_length": 30}},
    )
    path = manifest(tmp_path, [{"audio_filepath": "a.wav", "text": "x"}])
    code = (
        "import sys; from audioforge.cli import cli; "
        f"cli(['datasets', 'show', {str(path)!r}, '--model', {str(whisper)!r}], "
        "standalone_mode=False); print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "0 clips over its window of 30 s; it can write any character" in done.stdout
    assert done.stdout.endswith("False False\n")


def test_a_key_that_a_line_states_twice_is_named_though_it_is_the_only_line(tmp_path, write_sound):
    write_sound(tmp_path / "a.wav", seconds=1)
    path = tmp_path / "m.jsonl"
    path.write_text('{"audio_filepath": "a.wav", "text": "wrong", "text": "right"}\n')
    result = invoke("show", path, "--strict", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"]["kinds"] == {"repeated key": 1}


def test_noise_without_words_is_in_order_and_so_is_sound_alone_but_under_strict(
    tmp_path, write_sound
):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    write_sound(sounds / "noise.wav")
    path = tmp_path / "m.jsonl"
    path.write_text('{"audio_filepath": "sounds/noise.wav", "text": ""}\n')
    assert invoke("show", path, "--strict").exit_code == 0
    assert show_json(sounds)["problems"]["n"] == 0
    strict = invoke("show", sounds, "--strict")
    assert (strict.exit_code, "1 empty reference" in strict.stdout) == (1, True)
    write_sound(tmp_path / "b.wav", seconds=1)
    path.write_text(path.read_text() + '{"audio_filepath": "b.wav"}\n')
    assert show_json(path)["problems"]["kinds"] == {"empty reference": 1}
