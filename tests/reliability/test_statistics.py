"""What a run and a benchmark claim: of how many utterances, of whom, and of how much of a set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from audioforge.cli import cli

from .tone_run import RATE, WORDS, flags, read_lines, settings, speak, write_lines


def command(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def manifest(inputs: Path, name: str, count: int, broken: int = 0, speakers: int = 0) -> str:
    """Return a manifest of held-out clips: `count` sound ones, by so many speakers."""
    lines = [line for line in read_lines(inputs / "heldout.jsonl") if "broken" not in line["id"]]
    lines = [{**lines[i % len(lines)], "id": f"{name}-{i:03d}"} for i in range(count)]
    if speakers:
        lines = [{**line, "speaker": f"speaker-{i % speakers}"} for i, line in enumerate(lines)]
    place = "heldout/02-broken.wav"
    lines += [{"audio_filepath": place, "text": "low", "id": f"b{i}"} for i in range(broken)]
    write_lines(inputs / f"{name}.jsonl", lines)
    return str(inputs / f"{name}.jsonl")


def trained(inputs: Path, output: Path, **changes: object) -> tuple[Result, dict]:
    """Train one cycle on the transcripts, which the model learns at once."""
    recipe = settings(inputs, selection="reference", num_cycles=1, retention_dataset=[])
    recipe = {**recipe, "output_dir": output, "save_every": 10.0, "interpolate": [1.0], **changes}
    recipe = {key: value for key, value in recipe.items() if value not in (None, [])}
    recipe["output"] = recipe.pop("output_dir")
    result = command("train", *flags(recipe))
    return result, json.loads((output / "summary.json").read_text())


def test_fewer_than_twenty_held_out_utterances_export_nothing(inputs: Path, tmp_path: Path) -> None:
    few = manifest(inputs, "nineteen", 19)
    result, summary = trained(inputs, tmp_path / "few", eval_dataset=few, test_dataset=None)
    assert summary["cycles"][0]["wer"] < summary["base"]["wer"]
    assert summary["cycles"][0]["difference_ci95"][1] < 0
    assert summary["improved"] is False
    assert "Not improved: only 19 held-out utterances could be measured" in result.output
    assert "the base model stays, whatever is learnt" in result.stderr
    assert (tmp_path / "few/best/model.safetensors").read_bytes() == (
        inputs / "base/model.safetensors"
    ).read_bytes()

    enough = manifest(inputs, "twenty", 20)
    result, summary = trained(inputs, tmp_path / "enough", eval_dataset=enough, test_dataset=None)
    assert summary["improved"] is True
    assert "20 utterances to measure: with fewer than 50" in result.stderr


def test_twenty_clips_of_which_one_cannot_be_decoded_are_nineteen(
    inputs: Path, tmp_path: Path
) -> None:
    one_broken = manifest(inputs, "one-broken", 19, broken=1)
    path = inputs / "heldout/02-broken.wav"
    kept, sound = path.read_bytes(), (inputs / "heldout/00.wav").read_bytes()
    path.write_bytes(sound[:44])  # a header without sound, which is found when it is decoded
    try:
        result, summary = trained(
            inputs, tmp_path / "run", eval_dataset=one_broken, test_dataset=None
        )
    finally:
        path.write_bytes(kept)
    assert summary["improved"] is False
    assert "19 utterances to measure: fewer than 20" in result.stderr
    assert "1 of the 20 items" in result.stdout.splitlines()[-1]


def test_a_dry_run_says_what_sets_are_too_small_for(inputs: Path, tmp_path: Path) -> None:
    recipe = settings(inputs, eval_dataset=manifest(inputs, "dry", 19))
    result = command("train", *flags(recipe), "--output", str(tmp_path / "run"), "--dry-run")
    said = " ".join(result.stderr.split())
    assert "dry.jsonl has 19 utterances to measure: fewer than 20" in said
    assert "so the base model stays, whatever is learnt" in said
    assert "so a loss on it can go unseen" in said
    assert "so it confirms nothing" in said
    assert not (tmp_path / "run").exists()


def test_a_test_set_of_nineteen_confirms_nothing(inputs: Path, tmp_path: Path) -> None:
    held_out = manifest(inputs, "held-out", 20)
    test, draw, lines = inputs / "test-19.jsonl", np.random.default_rng(9), []
    for number in range(20):  # other clips than were learnt from
        words = [WORDS[n] for n in draw.integers(len(WORDS), size=5)]
        soundfile.write(tmp_path / f"{number}.wav", speak(words, draw), RATE)
        place = str(tmp_path / f"{number}.wav")
        lines.append({"id": f"t{number}", "audio_filepath": place, "text": " ".join(words)})
    write_lines(test, lines[:19])
    result, summary = trained(
        inputs, tmp_path / "19", eval_dataset=held_out, test_dataset=str(test)
    )
    assert summary["improved"] is True
    assert summary["test"]["best"]["difference_ci95"][1] < 0
    assert summary["test"]["improved"] is False
    assert "not confirmed, since 19 of at least 20 utterances cannot tell" in result.output

    write_lines(test, lines[:20])
    result, summary = trained(
        inputs, tmp_path / "20", eval_dataset=held_out, test_dataset=str(test)
    )
    assert summary["test"]["improved"] is True
    assert ": confirmed." in result.output


@pytest.mark.parametrize(
    ("speakers", "claim", "unit"),
    [
        (0, "speakers unknown", "utterances"),
        (1, "for this speaker", "utterances of each speaker"),
        (4, "for these 4 speakers", "utterances of each speaker"),
        (8, "for speakers like these 8", "speakers"),
    ],
)
def test_results_say_whom_they_are_about(
    inputs: Path, tmp_path: Path, speakers: int, claim: str, unit: str
) -> None:
    held_out = manifest(inputs, f"of-{speakers}", 40, speakers=speakers)
    result, summary = trained(inputs, tmp_path / "run", eval_dataset=held_out, test_dataset=None)
    assert summary["improved"] is True
    table, conclusion = " ".join(result.stdout.split()).split("Improved:")
    assert f"held out, {claim}." in table
    assert f"points, 95 %, {claim})" in conclusion
    for entry in (summary["base"], summary["cycles"][0], summary["best"]):
        assert entry["interval"]["unit"] == unit
        assert entry["interval"]["speakers"] == speakers

    measure = ["benchmark", "--model", str(inputs / "base"), "--dataset", held_out]
    assert f"95 % interval: {claim}." in command(*measure).stdout
    measured = json.loads(command(*measure, "--json").stdout)
    assert measured["interval"] == summary["base"]["interval"]
    assert measured["ci95"] == summary["base"]["ci95"]


def test_a_result_says_how_much_of_a_set_it_is_not_of(inputs: Path, tmp_path: Path) -> None:
    held_out = manifest(inputs, "part", 95, broken=2)
    retention, test = manifest(inputs, "kept", 30, broken=1), manifest(inputs, "last", 30, broken=3)
    result, summary = trained(
        inputs,
        tmp_path / "run",
        eval_dataset=held_out,
        retention_dataset=[retention],
        test_dataset=test,
    )
    assert (summary["base"]["measured"], summary["base"]["total"]) == (95, 97)
    conclusion = result.stdout.splitlines()[-1]
    assert f"2 of the 97 items of {held_out} are missing from its figures (2.1 %)." in conclusion
    assert f"1 of the 31 items of {retention} is missing from its figures (3.2 %)." in conclusion
    assert f"3 of the 33 items of {test} are missing from its figures (9.1 %)." in conclusion

    measure = ["benchmark", "--model", str(inputs / "base"), "--dataset", held_out]
    assert f"2 of the 97 items of {held_out} are missing" in command(*measure).stdout
    measured = json.loads(command(*measure, "--json").stdout)
    assert (measured["measured"], measured["total"]) == (95, 97)


def test_one_in_a_hundred_is_not_worth_a_word(inputs: Path) -> None:
    measure = ["benchmark", "--model", str(inputs / "base"), "--dataset"]
    assert "missing" not in command(*measure, manifest(inputs, "most", 99, broken=1)).stdout
    assert "missing" in command(*measure, manifest(inputs, "less", 98, broken=2)).stdout
