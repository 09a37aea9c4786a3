"""What would give a clip another's text, or a figure that says too much: refused, or said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from click.testing import CliRunner, Result

from audioforge.cli import cli

from .tone_run import SETS, flags, read_lines, settings, write_lines

ROLES = ["--dataset", "--eval-dataset", "--retention-dataset", "--test-dataset"]
IDS = """
import json
from pathlib import Path

from audioforge.dataset import Dataset
from audioforge.hookspecs import hookimpl
from audioforge.sample import AudioSample
from audioforge.specs import DatasetSpec

AUDIOFORGE_API = 1


class Lines(Dataset):
    def __init__(self, request):
        self._path = Path(request.location)

    def load(self):
        for line in self._path.read_text().splitlines():
            row = json.loads(line)
            if row["id"] == "no sample":
                yield row
            audio = self._path.parent / row["audio_filepath"]
            yield AudioSample(row["id"], audio, reference=row["text"])


@hookimpl
def register_datasets():
    return [DatasetSpec(name="lines", summary="Lines.", tasks=("asr",), suffixes=(".lines",),
                        factory=f"{__name__}:Lines")]
"""
"""A third party's dataset, which gives the ids that its file has."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


@pytest.fixture
def recipe(inputs: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """`recipe(**changes)` is the command line of a run that takes a second."""

    def make(**changes: object) -> list[str]:
        short = {"num_cycles": 1, "steps_per_cycle": 2, "output_dir": tmp_path / "run"} | changes
        chosen = {k: v for k, v in settings(inputs, **short).items() if v is not None}
        chosen["output"] = chosen.pop("output_dir")
        return ["train", *flags(chosen)]

    return make


@pytest.fixture
def lines(inputs: Path, tmp_path: Path) -> Callable[..., tuple[Path, list[object]]]:
    """`lines(change)` is a dataset whose lines were changed, and the flags for what reads it."""
    (tmp_path / "ids.py").write_text(IDS)

    def write(change: Callable[[list[dict]], object]) -> tuple[Path, list[object]]:
        rows = [r for r in read_lines(inputs / "heldout.jsonl") if "broken" not in r["id"]]
        for row in rows:
            row["audio_filepath"] = str(inputs / row["audio_filepath"])
        change(rows)
        write_lines(tmp_path / "data.lines", rows)
        return tmp_path / "data.lines", ["--plugin", tmp_path / "ids.py"]

    return write


def repeat(rows: list[dict]) -> None:
    rows[4]["id"] = rows[1]["id"] = "twice"


@pytest.mark.sweep(6)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("dry", [True, False])
def test_an_id_that_is_there_twice_is_refused_in_every_role(recipe, lines, tmp_path, role, dry):
    path, plugin = lines(repeat)
    dry_run = ["--dry-run"] if dry else []
    keep = {"retention_dataset": None} if role.startswith("--ret") else {}
    result = run(*recipe(**keep), role, path, *plugin, *dry_run)
    assert result.exit_code == 2
    assert f"{path}: two samples have the id 'twice': number 2, twice (" in said(result)
    for name in ("01.wav", "04.wav"):
        assert f"heldout/{name})" in said(result)
    assert "give each an id of its own" in said(result)
    assert not (tmp_path / "run").exists()


def test_an_id_that_is_there_twice_is_refused_and_shown_without_training(inputs, lines):
    path, plugin = lines(repeat)
    result = run("benchmark", "--model", inputs / "base", "--dataset", path, *plugin)
    assert result.exit_code == 2
    assert "two samples have the id 'twice'" in said(result)
    shown = json.loads(run("datasets", "show", path, *plugin, "--json").stdout)
    assert (shown["samples"], shown["problems"]["kinds"]) == (
        SETS["heldout"] - 1,
        {"duplicate id": 1},
    )
    assert "04.wav" in shown["problems"]["first"][0]["where"]


@pytest.mark.parametrize("odd", [7, None, "", ["a"], "no sample"])
def test_an_id_that_is_no_text_is_refused(inputs, lines, odd):
    path, plugin = lines(lambda rows: rows[2].update(id=odd))
    expected = (
        "item 3 is dict, not AudioSample or Problem"
        if odd == "no sample"
        else f"the id of item 3 must be text, not {odd!r}"
    )
    for command in (
        ["benchmark", "--model", inputs / "base", "--dataset", path],
        ["datasets", "show", path],
    ):
        result = run(*command, *plugin)
        assert result.exit_code == 2
        assert "dataset 'ids.py/lines' failed: " in said(result)
        assert expected in said(result)
        assert "Traceback" not in result.output


def test_segments_of_one_file_and_repeated_ids_of_a_manifest_read_as_ever(recipe, inputs, tmp_path):
    """AudioForge's own formats number what has no id, and leave out what repeats one."""
    rows = read_lines(inputs / "train.jsonl")[:6]
    for row in rows:
        row["audio_filepath"] = str(inputs / row["audio_filepath"])
    for row in rows[:3]:
        del row["id"]
    rows += [dict(rows[0]), dict(rows[4])]
    write_lines(tmp_path / "train.jsonl", rows)
    result = run(*recipe(dataset=tmp_path / "train.jsonl"), "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["samples"][f"train: {tmp_path / 'train.jsonl'}"] == 7
    assert "skipped 1 of 8: 1 duplicate id" in said(result)


SAID = {"id": "7", "text": "one", "pred_text": "one"}


@pytest.mark.parametrize(
    ("rows", "scored"),
    [
        ([SAID, SAID], 2),  # two hypotheses of one sample
        ([SAID | {"audio_filepath": "a.wav"}, SAID | {"audio_filepath": "b.wav"}], 0),
        ([SAID | {"audio_filepath": "a.wav", "offset": o, "duration": 1} for o in (0, 1)], 0),
        ([SAID, SAID | {"text": "two"}], 0),
        ([SAID, SAID | {"id": "7#2"}, SAID | {"text": "two"}, SAID], 0),
    ],
)
def test_samples_of_one_id_are_not_judged_together(tmp_path, rows, scored):
    """Hypotheses of one id were compared with each other, whatever they were hypotheses of."""
    write_lines(tmp_path / "p.jsonl", rows)
    result = run("verify", tmp_path / "p.jsonl", "--verifier", "consensus", "--json")
    assert json.loads(result.stdout)["scored"] == scored, result.output


@pytest.mark.parametrize("missing", [0, 1])
def test_what_is_held_out_is_said_before_training(recipe, inputs, tmp_path, missing):
    rows = [r for r in read_lines(inputs / "train.jsonl") if "broken" not in r["id"]]
    for number, row in enumerate(rows):
        row["audio_filepath"] = str(inputs / row["audio_filepath"])
        row["speaker"] = None if number < missing else f"speaker-{number % 4}"
    write_lines(tmp_path / "train.jsonl", rows)
    changes = {"dataset": tmp_path / "train.jsonl", "eval_dataset": None, "eval_fraction": 0.25}
    expected = (
        "5 of 20 clips are held out of the training data, 25.0 % where 25.0 % was asked for: all "
        "of 1 of 4 speakers" + "; 1 clip without a speaker stays in training" * missing
    )
    plan = run(*recipe(**changes), "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert f"split: {expected}\n" in plan.stdout
    assert expected in said(plan)
    assert json.loads(run(*recipe(**changes), "--dry-run", "--json").stdout)["split"] == expected
    trained = run(*recipe(**changes))
    assert trained.exit_code == 0, trained.output
    assert expected in said(trained)
    held_out = {line["id"] for line in read_lines(tmp_path / "run/cycle-00/predictions.jsonl")}
    speakers = {row["speaker"] for row in rows if row["id"] in held_out}
    assert len(held_out) == 5
    assert len(speakers) == 1
    assert None not in speakers


def test_that_nobody_knows_who_speaks_is_a_warning(recipe):
    result = run(*recipe(eval_dataset=None), "--dry-run")
    assert "Warning: 2 of 21 clips are held out of the training data" in said(result)
    assert "single clips, since no speaker is known; the same voice may be" in said(result)


def test_the_reported_clip_without_a_speaker(shared):
    """One of forty clips has no speaker; ten clips of one of four speakers are held out."""
    case = shared / "cases" / "10-one-clip-without-speaker" / "sp_miss.jsonl"
    result = run(
        "train", "--model", shared / "models" / "nano-whisper-digits", "--dataset", case,
        "--eval-fraction", 0.25, "--device", "cpu", "--normalizer", "none", "--dry-run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "all of 1 of 4 speakers; 1 clip without a speaker stays in training" in result.stdout


@pytest.fixture
def parquet(inputs: Path, tmp_path: Path) -> Path:
    """The training clips as bytes without a path."""
    rows = [r for r in read_lines(inputs / "train.jsonl") if "broken" not in r["id"]]
    sounds = [(inputs / row["audio_filepath"]).read_bytes() for row in rows]
    audio = [{"bytes": sound, "path": None} for sound in sounds]
    table = pa.table({"audio": audio, "text": [row["text"] for row in rows]})
    pq.write_table(table, tmp_path / "train.parquet")
    return tmp_path / "train.parquet"


@pytest.mark.parametrize("dry", [True, False])
def test_bytes_are_known_again_as_bytes_and_as_files(recipe, inputs, parquet, dry):
    changes = {"dataset": parquet, "eval_dataset": parquet, "retention_dataset": None}
    recipe = recipe(**changes, test_dataset=inputs / "train.jsonl")
    result = run(*recipe, *["--dry-run"] * dry)
    assert result.exit_code == 0, result.output
    shared = f"{{}} clips of the {{}} set {{}} are also in the {{}} set {parquet}: figures"
    for sentence in (
        shared.format("20 of 20", "held-out", parquet, "training"),
        shared.format("20 of 21", "test", inputs / "train.jsonl", "training"),
        shared.format("20 of 21", "test", inputs / "train.jsonl", "held-out"),
    ):
        assert sentence in said(result)


def test_a_copy_of_the_training_data_confirms_nothing(recipe, inputs, tmp_path):
    """It said "confirmed" of a test set that was the training set."""
    rows = [r for r in read_lines(inputs / "train.jsonl") if "broken" not in r["id"]]
    for number, row in enumerate(rows):
        shutil.copy(inputs / row["audio_filepath"], tmp_path / f"{number}.wav")
        row["audio_filepath"] = f"{number}.wav"
    write_lines(tmp_path / "test.jsonl", rows)
    # Twice the held-out clips under other names, so that what is learnt counts as improved.
    held_out = [dict(row, id=f"{row['id']}-{n}") for row in rows[:15] for n in range(3)]
    for number, row in enumerate(held_out):
        sound, rate = soundfile.read(tmp_path / row["audio_filepath"])
        row["audio_filepath"] = f"held-{number}.wav"
        soundfile.write(tmp_path / row["audio_filepath"], sound * 0.9, rate)
    write_lines(tmp_path / "held.jsonl", held_out)
    changes = {"steps_per_cycle": 30, "retention_dataset": None, "selection": "reference"}
    result = run(
        *recipe(
            **changes, eval_dataset=tmp_path / "held.jsonl", test_dataset=tmp_path / "test.jsonl"
        )
    )
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["improved"] is True
    assert summary["test"]["improved"] is True
    assert summary["selected_on_same_data"] is True
    assert summary["overlaps"] == [
        {
            "measured_role": "test", "measured": str(tmp_path / "test.jsonl"),
            "used_role": "training", "used": str(inputs / "train.jsonl"),
            "clips": 20, "total": 20,
        }
    ]  # fmt: skip
    assert "confirmed" not in result.stdout
    assert "20 of 20 clips of the test set" in " ".join(result.stdout.split())
    assert "The same data chose the cycle" not in result.stdout
    told = result.stderr.index("20 of 20 clips of the test set")
    assert told < result.stderr.index("base: WER"), "before anything is computed"
