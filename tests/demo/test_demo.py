"""The offline demo: what it promises, and that it takes nothing of the user's away."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import soundfile
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_demo import assets
from audioforge_demo.sounds import write_sounds
from audioforge_demo.tasks import DEMOS

README = Path(__file__).parents[2] / "plugins" / "demo" / "README.md"
MANIFESTS = {
    "text": (assets.target_train(), assets.target_heldout(), assets.source_heldout()),
    "label": (assets.commands_train(), assets.commands_heldout(), assets.commands_source()),
}


def entries(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def summaries(
    output: Path, prefix: str, names: Sequence[str] = ("best", "random", "reference")
) -> dict[str, dict[str, Any]]:
    return {
        name: json.loads((output / f"{prefix}-{name}" / "summary.json").read_text())
        for name in names
    }


@pytest.fixture
def one_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the demos, which have four cycles of 40 steps and more clips."""
    length = {"num_cycles": 1, "steps_per_cycle": 30, "limit": 100}
    for task, demo in DEMOS.items():
        short = attrs.evolve(demo, recipe={**demo.recipe, **length})
        monkeypatch.setitem(DEMOS, task, short)


def transcribed(output: Path) -> dict[str, dict[str, Any]]:
    """Return the summaries of the demo, and check what holds whatever its length."""
    result = CliRunner().invoke(cli, ["demo", "--output", str(output)])
    assert result.exit_code == 0, result.output
    runs = summaries(output, "demo")
    assert runs["best"]["improved"]
    assert not runs["random"]["improved"]
    assert runs["reference"]["improved"]
    steps = {name: [c["steps"] for c in run["cycles"]] for name, run in runs.items()}
    assert steps["best"] == steps["random"] == steps["reference"]
    assert "base model" in result.stdout
    assert str(output / "demo-best" / "best") in result.stdout
    assert "audioforge train" in result.stdout
    return runs


@pytest.mark.usefixtures("one_cycle")
def test_in_one_cycle_raft_lessens_the_errors_and_the_random_control_does_not(
    tmp_path: Path,
) -> None:
    runs = transcribed(tmp_path)
    assert runs["best"]["cycles"][-1]["difference_ci95"][1] < 0
    assert runs["random"]["cycles"][-1]["difference_ci95"][1] > 0


@pytest.mark.slow
@pytest.mark.soak
def test_raft_halves_the_errors_and_the_random_control_does_not_help(tmp_path: Path) -> None:
    runs = transcribed(tmp_path)
    assert runs["best"]["cycles"][-1]["wer"] < 0.5 * runs["best"]["base"]["wer"]
    assert runs["random"]["cycles"][-1]["difference_ci95"][1] > 0


def classified(output: Path) -> dict[str, dict[str, Any]]:
    """Return the summaries of the demo of classification, and check what always holds."""
    arguments = ["demo", "--task", "classification", "--output", str(output)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    runs = summaries(output, "demo-classification")
    base = runs["best"]["base"]["accuracy"]
    assert 0.4 < base < 0.75
    assert runs["best"]["improved"]
    assert not runs["random"]["improved"]
    assert runs["reference"]["improved"]
    steps = {name: [c["steps"] for c in run["cycles"]] for name, run in runs.items()}
    assert steps["best"] == steps["random"] == steps["reference"]
    table = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert f"{100 * base:.1f} %" in table["base model"]
    assert re.search(r"-\d+ %$", table["RAFT: the best of 8 hypotheses per clip"].rstrip())
    assert str(output / "demo-classification-best" / "best") in result.stdout
    assert "audioforge train --task classification" in result.stdout
    return runs


@pytest.mark.soak
@pytest.mark.usefixtures("one_cycle")
def test_in_one_cycle_the_classifier_learns_and_the_random_control_does_not(tmp_path: Path) -> None:
    classified(tmp_path)


@pytest.mark.slow
@pytest.mark.soak
def test_the_classifier_learns_the_voice_and_the_random_control_does_not(tmp_path: Path) -> None:
    runs = classified(tmp_path)
    base = runs["best"]["base"]["accuracy"]
    assert 1 - runs["best"]["cycles"][-1]["accuracy"] < 0.5 * (1 - base)
    assert runs["random"]["cycles"][-1]["difference_ci95"][0] < 0


@pytest.mark.soak
@pytest.mark.usefixtures("one_cycle")
def test_the_voice_has_better_draws_to_learn_and_its_sounds_are_kept(tmp_path: Path) -> None:
    output = tmp_path
    result = CliRunner().invoke(cli, ["demo", "--task", "tts", "--output", str(output)])
    assert result.exit_code == 0, result.output
    runs = summaries(output, "demo-tts", ("best", "random"))
    assert not (output / "demo-tts-reference").exists()
    offered = runs["best"]["learnability"]
    assert offered["oracle_wer"] < offered["greedy_wer"]
    assert f"{100 * offered['oracle_wer']:.1f} %" in result.stdout
    sounds = sorted((output / "demo-tts-best" / "sounds").iterdir())
    assert [path.name.split("-")[-1] for path in sounds] == ["before.flac", "after.flac"] * 10
    texts = [entry["text"].replace(" ", "-") for entry in entries(assets.voice_heldout())[:10]]
    assert {path.name.rsplit("-", 2)[0] for path in sounds} == set(texts)
    assert all(soundfile.info(path).duration > 0.2 for path in sounds)
    assert "audioforge train --task tts" in result.stdout
    steps = {name: [c["steps"] for c in run["cycles"]] for name, run in runs.items()}
    assert steps["best"] == steps["random"]


def test_no_text_of_the_voice_is_in_two_parts() -> None:
    train, heldout = entries(assets.voice_train()), entries(assets.voice_heldout())
    texts = [entry["text"] for entry in (*train, *heldout)]
    assert len(set(texts)) == len(texts) == 120


@pytest.mark.parametrize("name", ["train", "heldout", "source"])
def test_the_base_classifier_is_as_good_as_the_readme_says(name: str) -> None:
    row = re.search(rf"`commands/{name}\.jsonl` .*", README.read_text(encoding="utf-8"))
    assert row is not None
    stated = float(row[0].split("|")[-2].split()[0])
    model, data = str(assets.commands_model()), f"demo:split=commands-{name}"
    arguments = ["--task", "classification", "--model", model, "--dataset", data, "--json"]
    result = CliRunner().invoke(cli, ["benchmark", *arguments])
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert measured["n"] == len(entries(assets.ASSETS / "commands" / f"{name}.jsonl"))
    one_clip = 100 / measured["n"]  # another machine may round otherwise
    assert 100 * measured["accuracy"] == pytest.approx(stated, abs=one_clip + 0.05)


def test_an_unknown_split_is_an_error_that_lists_them() -> None:
    result = CliRunner().invoke(cli, ["datasets", "show", "demo:split=commands-test"])
    assert result.exit_code == 2
    assert "commands-train" in result.stderr


def test_a_folder_that_is_no_demo_run_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "demo-random" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    result = CliRunner().invoke(cli, ["demo", "--output", str(tmp_path)])
    assert result.exit_code == 2
    assert "not a demo run" in result.stderr
    assert mine.read_text() == "mine"


def test_the_assets_are_small() -> None:
    files = [p for p in assets.ASSETS.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 10e6


def test_no_sentence_is_in_two_parts() -> None:
    train, heldout, source = ({e["text"] for e in entries(m)} for m in MANIFESTS["text"])
    assert not train & heldout
    assert not train & source
    assert not heldout & source


def test_no_recording_of_a_command_comes_twice() -> None:
    checksums = json.loads(assets.checksums().read_text())["sha256_of_pcm16"]
    digests = [digest for name, digest in checksums.items() if name.startswith("commands/")]
    assert len(set(digests)) == len(digests) == 380


def test_the_commands_are_balanced_and_the_classifiers_own() -> None:
    config = json.loads((assets.commands_model() / "config.json").read_text())
    for manifest in MANIFESTS["label"]:
        labels = [entry["label"] for entry in entries(manifest)]
        assert set(labels) == set(config["id2label"].values())
        assert {labels.count(label) for label in labels} == {len(labels) // 10}


def test_the_target_is_a_voice_that_the_source_lacks() -> None:
    *targets, source = MANIFESTS["label"]
    assert {entry["speaker"] for m in targets for entry in entries(m)} == {"flite-slt"}
    assert "flite-slt" not in {entry["speaker"] for entry in entries(source)}


@pytest.mark.parametrize(("key", "window_s"), [("text", 5), ("label", 2)])
def test_manifests_files_and_checksums_agree(key: str, window_s: float) -> None:
    checksums = json.loads(assets.checksums().read_text())["sha256_of_pcm16"]
    for manifest in MANIFESTS[key]:
        folder = manifest.parent
        for entry in entries(manifest):
            path = folder / entry["audio_filepath"]
            sound = soundfile.info(path)
            assert (sound.samplerate, sound.channels) == (16_000, 1)
            assert round(sound.duration, 3) == entry["duration"]
            assert entry["duration"] < window_s
            assert checksums.pop(path.relative_to(assets.ASSETS).as_posix())
            assert entry[key]
    others = {name.split("/")[0] == "commands" for name in checksums}
    assert others == {key == "text"}  # nothing but the other corpus is left


def test_what_a_voice_said_before_and_after_lies_side_by_side(tmp_path: Path) -> None:
    for cycle in (0, 2):
        folder = tmp_path / f"cycle-{cycle:02d}"
        folder.mkdir()
        lines = []
        for number in range(12):
            (folder / f"{number}.flac").write_bytes(f"{cycle} {number}".encode())
            said = {"id": f"{number:02d}", "text": f"two {number}", "pred_audio": f"{number}.flac"}
            lines.append(json.dumps(said))
        (folder / "predictions.jsonl").write_text("\n".join(reversed(lines)), encoding="utf-8")
    sounds = write_sounds(tmp_path, last=2)
    assert len(list(sounds.iterdir())) == 20  # of ten texts
    assert (sounds / "two-3-1-before.flac").read_bytes() == b"0 3"
    assert (sounds / "two-3-2-after.flac").read_bytes() == b"2 3"
