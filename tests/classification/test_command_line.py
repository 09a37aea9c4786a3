"""Classification from the command line, on recordings in the layout of Speech Commands."""

import json
import shutil

import pytest
import soundfile
from click.testing import CliRunner

from audioforge.cli import cli

pytestmark = pytest.mark.slow

SPEAKERS = {"fsdd-jackson": "0a1b2c3d", "fsdd-yweweler": "1b2c3d4e", "fsdd-nicolas": "2c3d4e5f"}


@pytest.fixture(scope="module")
def workplace(shared, tmp_path_factory):
    """A folder with `custom/classifier`, and ten words of three speakers as Speech Commands."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copytree(shared / "models/nano-digit-classifier", folder / "custom/classifier")
    root = folder / "speech_commands_v0.02"
    listed = {"validation": [], "testing": []}
    digits = shared / "data/digits_cls"
    taken = {}
    for line in (digits / "train.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        place = record["label"], record["speaker"]
        taken[place] = taken.get(place, -1) + 1
        if record["speaker"] not in SPEAKERS or taken[place] > 5:
            continue
        name = f"{record['label']}/{SPEAKERS[record['speaker']]}_nohash_{taken[place]}.wav"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        samples, rate = soundfile.read(digits / record["audio_filepath"])
        soundfile.write(root / name, samples, rate)
        if taken[place] > 3:
            listed["validation" if taken[place] == 4 else "testing"].append(name)
    for split, names in listed.items():
        (root / f"{split}_list.txt").write_text("\n".join(names) + "\n")
    return folder


@pytest.fixture
def audioforge(workplace, monkeypatch):
    """Runs a command where its relative paths are."""
    monkeypatch.chdir(workplace)

    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert done.exit_code == code, done.output
        return done

    return run


TRAIN = (
    *("train", "--model", "custom/classifier", "--dataset", "speech_commands"),
    *("--task", "classification", "--data-dir", "speech_commands_v0.02"),
)


def test_the_command_trains_and_the_result_is_a_classifier(workplace, audioforge):
    audioforge(
        *TRAIN,
        *("--output", "run", "--cycles", 1, "--steps-per-cycle", 15, "--batch-size", 16),
        *("--samples-per-prompt", 8, "--learning-rate", "3e-4", "--reward-threshold", 1),
        *("--device", "cpu"),
    )
    summary = json.loads((workplace / "run/summary.json").read_text())
    assert (summary["task"], summary["metric"]) == ("classification", "accuracy")
    assert summary["higher_is_better"] is True
    assert len(summary["cycles"]) == 1
    measured = audioforge(
        *("benchmark", "--model", "run/best", "--dataset", "speech_commands", "--json"),
        *("--task", "classification", "--data-dir", "speech_commands_v0.02", "--split", "test"),
        *("--output", "measured"),
    )
    result = json.loads(measured.stdout)
    assert result["n"] == 30
    assert result["accuracy"] > 0.6
    predictions = (workplace / "measured/predictions.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in predictions]
    right = sum(row["text"] == row["pred_text"] for row in rows)
    assert result["accuracy"] == right / 30
    assert sum(map(sum, result["confusion"]["counts"])) == 30
    assert sum(row["n"] for row in result["classes"]) == 30
    assert 0 < result["macro_f1_ci95"][0] <= result["macro_f1"] <= result["macro_f1_ci95"][1]


def test_a_new_head_is_for_classifiers(workplace, audioforge):
    failed = audioforge(
        *("train", "--model", "custom/classifier", "--dataset", "speech_commands", "--new-head"),
        *("--data-dir", workplace, "--output", "asr"),
        code=2,
    )
    assert "new_head: only a classifier has a head" in failed.stderr


def test_other_labels_are_an_error_that_lists_both_or_get_a_new_head(workplace, audioforge):
    source = workplace / "speech_commands_v0.02/one"
    lines = [
        json.dumps({"audio_filepath": str(path), "label": label})
        for i, path in enumerate(sorted(source.glob("*.wav")))
        for label in [("odd", "even")[i % 2]]
    ]
    (workplace / "parity.jsonl").write_text("\n".join(lines) + "\n")
    held_out = [line.replace("even", "neither") for line in lines]
    (workplace / "held_out.jsonl").write_text("\n".join(held_out) + "\n")
    other = ("train", "--model", "custom/classifier", "--dataset", "parity.jsonl")
    settings = (
        *("--task", "classification", "--cycles", 1, "--steps-per-cycle", 2),
        *("--device", "cpu", "--batch-size", 8),
    )
    failed = audioforge(*other, *settings, "--output", "none", code=2)
    for part in ("even, odd", "zero, one, two", "--new-head"):
        assert part in " ".join(failed.stderr.split())
    made = audioforge(
        *(*other, *settings, "--output", "new", "--new-head"),
        *("--eval-dataset", "held_out.jsonl"),
    )
    warnings = " ".join(made.stderr.split())
    assert "no clip of the training set parity.jsonl has the label neither" in warnings
    config = json.loads((workplace / "new/best/config.json").read_text())
    assert config["id2label"] == {"0": "even", "1": "neither", "2": "odd"}
    assert config["architectures"] == ["WhisperForAudioClassification"]
