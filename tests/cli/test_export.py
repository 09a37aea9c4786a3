"""`audioforge export`: a checkpoint for another engine, by an exporter of a third party."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import yaml
from click.testing import CliRunner
from safetensors.numpy import save_file

from audioforge.cli import cli
from audioforge_demo import assets

EXPORTER = """
import os
import signal

from attrs import frozen

from audioforge.errors import CheckpointError
from audioforge.exporter import Exporter
from audioforge.hookspecs import hookimpl
from audioforge.specs import ExporterSpec


@frozen
class Options:
    bits: int = 16
    does: str = "write"


class Upper(Exporter):
    def __init__(self, bits, does):
        self.bits, self.does = bits, does

    def export(self, checkpoint, folder):
        assert list(folder.iterdir()) == []
        (folder / "engine").mkdir()
        if self.does == "nothing":
            return
        config = (checkpoint / "config.json").read_text()
        (folder / "engine/config.txt").write_text(f"{self.bits} {config.upper()}")
        (folder / "weights.bin").write_bytes((checkpoint / "model.safetensors").read_bytes())
        match self.does:
            case "raise":
                raise ZeroDivisionError("no weights")
            case "exit":
                raise SystemExit(3)
            case "refuse":
                raise CheckpointError("its vocabulary is too large")
            case "fill":
                raise OSError(28, os.strerror(28))
            case "interrupt":
                signal.raise_signal(signal.SIGINT)
            case "link":
                (folder / "link").symlink_to(checkpoint / "config.json")
            case "meddle":
                (checkpoint / "config.json").write_text("{}")
            case "leave":
                os.chdir(folder)


@hookimpl
def register_exporters():
    common = dict(summary="Spells it large.", factory=f"{__name__}:Upper",
                  options=f"{__name__}:Options")
    return [ExporterSpec(name="upper", tasks=("asr",), **common),
            ExporterSpec(name="spoken", tasks=("tts",), **common),
            ExporterSpec(name="absent", summary="", tasks=("asr",), factory="not_there:At")]
"""


@pytest.fixture(autouse=True)
def _no_bytecode_beside_the_plugin(monkeypatch):
    """What is in a folder is compared, and Python would add to it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    # No bytecode beside it, here and in processes: these tests look at everything in its folder.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    path = tmp_path / "acme.py"
    path.write_text(EXPORTER)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    """The folder of a checkpoint whose weights nobody loads."""
    return write_checkpoint(tmp_path / "checkpoint")


def write_checkpoint(folder, **config):
    folder.mkdir(parents=True)
    whisper = {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}
    (folder / "config.json").write_text(json.dumps(whisper | config))
    save_file({"weight": np.arange(3, dtype=np.float32)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run."""
    write_checkpoint(tmp_path / "run/best")
    write_checkpoint(tmp_path / "run/cycle-01/checkpoint")
    (tmp_path / "run/config.yaml").write_text("task: asr\n")
    (tmp_path / "run/summary.json").write_text("{}")
    return tmp_path / "run"


@pytest.fixture
def export(plugin, tmp_path):
    """`export(source, format)` runs the command with the plugin; its output goes to `out`."""

    def run(source, reference, *arguments, output=tmp_path / "out"):
        given = ["--format", reference, "--output", output, "--plugin", plugin, *arguments]
        return CliRunner().invoke(cli, ["export", str(source), *map(str, given)])

    return run


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_checkpoint_is_exported_and_stays_as_it_was(export, checkpoint, tmp_path):
    before = contents(checkpoint)
    result = export(checkpoint, "upper")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"{tmp_path}/out: 2 files, 0.0 MB, written by acme.py/upper from {checkpoint}\n"
    )
    assert (tmp_path / "out/engine/config.txt").read_text().startswith('16 {"MODEL_TYPE": "WHI')
    assert contents(checkpoint) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["acme.py", "checkpoint", "out"]


def test_of_a_run_the_chosen_model_is_exported(export, run, tmp_path):
    result = export(run, "acme.py/upper", "--json", output=run / "for/engine")
    assert result.exit_code == 0, result.output
    files = contents(run / "for/engine")
    assert json.loads(result.stdout) == {
        "exporter": "acme.py/upper",
        "checkpoint": str(run / "best"),
        "output": str(run / "for/engine"),
        "files": 2,
        "bytes": sum(map(len, files.values())),
        "measured": None,
        "why_not": "exporter 'acme.py/upper' does not run its engine",
    }
    assert export(run / "cycle-01/checkpoint", "upper").exit_code == 0


def test_a_run_that_is_not_finished_has_no_model_yet(export, run, tmp_path):
    (run / "summary.json").unlink()
    result = export(run, "upper")
    assert result.exit_code == 2
    assert "the run is not finished" in result.stderr
    assert f"audioforge train --resume {run}" in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_are_checked_and_converted(export, checkpoint, tmp_path):
    assert export(checkpoint, "upper:bits=4").exit_code == 0
    assert (tmp_path / "out/engine/config.txt").read_text().startswith("4 {")
    result = export(checkpoint, "upper:bits=few,bit=4", output=tmp_path / "other")
    assert result.exit_code == 2
    assert "upper.bits: 'few' is not int" in result.stderr
    assert "upper.bit: no such option. Did you mean bits?" in result.stderr


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [
        ("raise", 2, "acme.py/upper' failed on {}: ZeroDivisionError: no weights. Nothing was w"),
        ("exit", 2, "acme.py/upper' failed on {}: SystemExit: 3. Nothing was written. Mend or"),
        ("refuse", 2, "Error: its vocabulary is too large\n"),
        ("nothing", 2, "exporter 'acme.py/upper' wrote nothing. Mend or update acme.py.\n"),
        ("link", 2, "exporter 'acme.py/upper' wrote a link: link. Mend or update acme.py.\n"),
        ("meddle", 2, "exporter 'acme.py/upper' changed the checkpoint: {}/config.json. Mend"),
        ("fill", 1, "out: cannot be read or written: No space left on device. Make room"),
        ("interrupt", 130, "Error: interrupted\n"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(export, checkpoint, tmp_path, does, code, said):
    result = export(checkpoint, f"upper:does={does}")
    assert result.exit_code == code, result.output
    assert said.format(checkpoint) in result.stderr
    assert "Traceback" not in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["acme.py", "checkpoint"]


def test_a_changed_working_directory_is_put_back(export, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=r"exporter 'acme.py/upper' changed the working directory"):
        result = export("checkpoint", "upper:does=leave", output="out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/weights.bin").is_file()


@pytest.mark.parametrize("what", ["folder", "empty folder", "file", "link to nothing", "no folder"])
def test_the_output_must_be_new(export, checkpoint, tmp_path, what):
    output = tmp_path / "out"
    match what:
        case "folder":
            output.mkdir()
            (output / "mine").write_text("mine")
        case "empty folder":
            output.mkdir()
        case "file":
            output.write_text("mine")
        case "link to nothing":
            output.symlink_to(tmp_path / "nowhere")
        case "no folder":
            output = checkpoint / "config.json/out"
    before = contents(tmp_path)
    result = export(checkpoint, "upper", output=output)
    assert result.exit_code == 2
    said = "cannot be made: Not a directory" if what == "no folder" else "is there already"
    assert f"--output {output}: {said}" in result.stderr
    assert contents(tmp_path) == before


def test_the_output_does_not_lie_in_the_checkpoint(export, run):
    result = export(run, "upper", output=run / "best/engine")
    assert result.exit_code == 2
    assert "lies in the checkpoint; name a folder elsewhere" in result.stderr


def test_names_that_nobody_has(export, checkpoint, tmp_path, monkeypatch):
    result = export(checkpoint, "uper")
    assert result.exit_code == 2
    assert "no exporter is called 'uper'. Did you mean upper?" in result.stderr
    result = export(checkpoint, "absent")
    assert "'acme.py/absent' cannot be imported: not_there:At" in result.stderr
    arguments = ["--format", "gguf", "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, ["export", str(checkpoint), *arguments])
    assert result.exit_code == 2
    assert "no exporter is called 'gguf'. Known: ctranslate2, ggml, onnx." in result.stderr
    arguments[1] = "ctranslate2"
    result = CliRunner().invoke(cli, ["export", str(checkpoint), *arguments, "--quantize", "int4"])
    said = "  ctranslate2.quantize: 'int4' is not one of these: float16, int8\n"
    assert result.stderr.endswith(said)
    arguments[1] = "gguf"
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "acme")
    result = CliRunner().invoke(cli, ["export", str(checkpoint), *arguments])
    assert (
        "None is installed. Install audioforge[export], or give a file by --plugin" in result.stderr
    )


def test_a_checkpoint_for_another_task_is_refused_where_its_task_is_known(export, checkpoint):
    result = export(checkpoint, "spoken")
    assert result.exit_code == 2
    assert (
        "is a model for asr, classification, and exporter 'acme.py/spoken' takes those for tts"
        in result.stderr
    )
    config = {"model_type": "of-an-adapter-that-is-not-installed"}
    assert export(write_checkpoint(checkpoint / "unknown", **config), "spoken").exit_code == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c: (c / "config.json").unlink(), "the folder has no config.json"),
        (lambda c: (c / "model.safetensors").unlink(), "there are no weights"),
        (lambda c: (c / "model.safetensors").rename(c / "pytorch_model.bin"), "are pickled"),
        (lambda c: (c / "model.safetensors").write_text(""), "the file is empty"),
        (lambda c: c.rename(c.with_name("away")), "there is no such folder"),
    ],
)
def test_what_is_no_checkpoint_reaches_no_exporter(export, checkpoint, tmp_path, spoil, said):
    spoil(checkpoint)
    result = export(checkpoint, "upper:does=raise")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "ZeroDivisionError" not in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("head", "engine"),
    [(b"\x06\0\0\0\x0c\0WhisperSpec\0\x03", "CTranslate2"), (b"lmgg\x98\xca", "whisper.cpp")],
)
def test_what_another_engine_reads_is_not_called_a_pickle(export, checkpoint, head, engine):
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "model.bin").write_bytes(head)
    result = export(checkpoint, "upper")
    assert result.exit_code == 2
    assert f"model.bin holds a model for {engine}, which only that engine reads" in result.stderr
    assert "pickle" not in result.stderr


def test_a_low_rank_update_is_no_whole_checkpoint(export, checkpoint, tmp_path):
    update = tmp_path / "update"
    update.mkdir()
    named = json.dumps({"base_model_name_or_path": str(checkpoint)})
    (update / "adapter_config.json").write_text(named)
    result = export(update, "upper")
    assert result.exit_code == 2
    assert "a low-rank update (LoRA) alone" in result.stderr


def test_of_the_hub_the_whole_checkpoint_is_taken(plugin, checkpoint, tmp_path):
    cached = tmp_path / "hub/models--acme--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text("0" * 40)
    (cached / "snapshots").mkdir()
    checkpoint.rename(cached / "snapshots" / ("0" * 40))
    given = ["--format", "upper", "--output", tmp_path / "out", "--plugin", plugin]
    done = subprocess.run(
        [sys.executable, "-m", "audioforge", "export", "acme/tiny", *map(str, given)],
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/weights.bin").is_file()


@pytest.mark.soak
def test_a_signal_from_the_keyboard_leaves_nothing(plugin, checkpoint, tmp_path):
    waiting = EXPORTER.replace(
        'case "leave":',
        'case "wait":\n                import time\n'
        '                print("ready", flush=True)\n'
        '                time.sleep(60)\n            case "leave":',
    )
    plugin.write_text(waiting)
    given = ["--format", "upper:does=wait", "--output", tmp_path / "out", "--plugin", plugin]
    process = subprocess.Popen(
        [sys.executable, "-m", "audioforge", "export", str(checkpoint), *map(str, given)],
        env={**os.environ, "AUDIOFORGE_PLUGINS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 3, "the folder has another name until it is whole"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == f"loading PyTorch, {checkpoint}\nError: interrupted\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["acme.py", "checkpoint"]


SAYING = """
    def load(self, folder):
        assert (folder / "weights.bin").is_file()
        self.compute_type = "int8_float32"
        return {"seven": lambda clips: ["seven"] * len(clips), "fail": lambda clips: 1 / 0,
                "less": lambda clips: []}.get(self.does)


@hookimpl
"""


@pytest.fixture
def heard(plugin):
    """The plugin's exporter runs its engine, which says "seven" of every clip."""
    plugin.write_text(EXPORTER.replace("\n\n@hookimpl\n", SAYING, 1))


@pytest.fixture
def spoken_run(tmp_path):
    """The folder of a finished run of the demo, with its held-out clips, started in `tmp_path`."""
    run = tmp_path / "spoken"
    shutil.copytree(assets.model(), run / "best")
    (run / "summary.json").write_text("{}")
    settings = {
        "model_name": "gone/since",
        "dataset": "demo:split=train",
        "eval_dataset": "held.jsonl",
        "output_dir": str(run),
        "device": "cpu",
        "max_new_tokens": 2,
        "temperature_fallback": True,
    }
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    (run / "environment.json").write_text(json.dumps({"working_directory": str(tmp_path)}))
    manifest = assets.source_heldout()
    rows = [json.loads(line) for line in manifest.read_text().splitlines()[:8]]
    for number, row in enumerate(rows):
        row["audio_filepath"] = str(manifest.parent / row["audio_filepath"])
        row["id"] = f"clip-{number}"
    write_lines(tmp_path / "held.jsonl", rows)
    (run / "cycle-00").mkdir()
    lengths = [round(soundfile.info(row["audio_filepath"]).duration, 4) for row in rows]
    measured = [row | {"duration": length} for row, length in zip(rows, lengths, strict=True)]
    write_lines(run / "cycle-00/predictions.jsonl", measured)
    return run


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_an_export_is_measured_beside_the_checkpoint(export, heard, spoken_run, tmp_path):
    result = export(spoken_run, "upper:does=seven", "--limit", "6", "--json")
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)["measured"]
    assert measured == json.loads((tmp_path / "out/measured.json").read_text())
    assert (measured["clips"], measured["metric"], measured["normalizer"]) == (
        6,
        "wer",
        "english-1",
    )
    assert measured["checkpoint"] < 0.3 < 0.7 < measured["export"]
    assert measured["compute_type"] == "int8_float32"
    assert measured["different"] == len(measured["examples"]) == 6
    assert {row["export"] for row in measured["examples"]} == {"seven"}
    low, high = measured["difference_ci95"]
    assert 0 < low <= measured["export"] - measured["checkpoint"] <= high
    assert not any(path.name.startswith("clips") for path in spoken_run.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["upper:does=fail"], "the engine failed on the exported model: ZeroDivisionError"),
        (["upper:does=less"], "the engine says 0 texts of 2 clips"),
        (["upper:does=seven", "--language", "en"], "--language: of --dataset, which is not given"),
        (["upper:does=seven", "--dataset", "nowhere.jsonl"], "nowhere.jsonl"),
        (["upper", "--quantize", "int8"], "upper.quantize: no such option"),
    ],
)
def test_what_cannot_be_measured_is_said_and_leaves_nothing(
    export, heard, spoken_run, tmp_path, arguments, said
):
    result = export(spoken_run, *arguments, *([] if "--dataset" in arguments else ["--limit", "2"]))
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_dataset_is_looked_for_before_anything_is_written(export, heard, spoken_run):
    result = export(spoken_run / "best", "upper:does=raise", "--dataset", "typo.jsonl")
    assert result.exit_code == 2
    assert "typo.jsonl" in result.stderr
    assert "ZeroDivisionError" not in result.stderr


@pytest.mark.parametrize("what", ["no run", "clips gone", "no engine"])
def test_without_clips_or_engine_the_export_is_whole_and_not_measured(
    export, heard, spoken_run, tmp_path, what
):
    source, does, said = spoken_run, "seven", "does not run its engine"
    if what == "no run":
        source, said = spoken_run / "best", "a checkpoint holds no clips out: name some by --data"
    elif what == "clips gone":
        path = spoken_run / "config.yaml"
        path.write_text(path.read_text().replace("held.jsonl", "away.jsonl"))
        said = "the clips that the run held out cannot be had ("
    else:
        does = "write"
    result = export(source, f"upper:does={does}")
    assert result.exit_code == 0, result.output
    assert "the export was not measured: " in result.stderr
    assert said in result.stderr
    assert "measured.json" not in {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:3], "of the 8 clips that the run held out, 5 are not held out any mo"),
        (lambda rows: [{**rows[0], "text": "two"}, *rows[1:]], "1 have another text or length no"),
        (None, "which clips the run held out is not known"),
    ],
)
def test_clips_that_the_run_did_not_hold_out_are_not_measured(
    export, heard, spoken_run, tmp_path, change, said
):
    if change is None:
        (spoken_run / "cycle-00/predictions.jsonl").unlink()
    else:
        rows = [json.loads(line) for line in (tmp_path / "held.jsonl").read_text().splitlines()]
        write_lines(tmp_path / "held.jsonl", change(rows))
    result = export(spoken_run, "upper:does=seven")
    assert result.exit_code == 0, result.output
    assert said in result.stderr
    assert (tmp_path / "out/weights.bin").is_file()
    assert not (tmp_path / "out/measured.json").exists()


def test_clips_that_were_added_are_not_measured_nor_those_of_another_folder(
    export, heard, spoken_run, tmp_path, monkeypatch
):
    rows = [json.loads(line) for line in (tmp_path / "held.jsonl").read_text().splitlines()]
    added = [{**row, "id": f"a-{row['id']}", "text": "nine"} for row in rows]
    write_lines(tmp_path / "held.jsonl", added + rows)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_lines(elsewhere / "held.jsonl", rows[:1])
    monkeypatch.chdir(elsewhere)
    result = export(spoken_run, "upper:does=seven", "--json")
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)["measured"]
    assert (measured["clips"], measured["checkpoint"] < 0.3) == (8, True)


def test_the_folder_has_a_name_of_its_own(export, plugin, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["--format", "upper:bits=8", "--plugin", str(plugin)]
    result = CliRunner().invoke(cli, ["export", str(checkpoint), *given])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "checkpoint-upper-8/weights.bin").is_file()
