"""What a run says of its base model's measure, on small inputs that people have failed with."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def train(shared: Path, tmp_path: Path):
    """`train(model, dataset, eval_dataset)` runs one short cycle into the folder `run`."""

    def _train(model: str, dataset: Path, held_out: Path, *options: object) -> Result:
        return run(
            "train", "--model", shared / "models" / model, "--dataset", dataset,
            "--eval-dataset", held_out, "--output", tmp_path / "run", "--device", "cpu",
            "--cycles", 1, "--steps-per-cycle", 2, *options,
        )  # fmt: skip

    return _train


@pytest.mark.parametrize("language", [(), ("--language", "each")])
def test_a_ctc_model_of_another_case_than_the_transcripts(
    shared: Path, train, language: tuple[str, ...]
) -> None:
    case = shared / "cases" / "09-ctc-upper-case"
    result = train(
        "nano-wav2vec2-digits", case / "a.jsonl", case / "h.jsonl", "--normalizer", "none",
        "--samples-per-prompt", 8, *language,
    )  # fmt: skip
    assert result.exit_code == 1
    said = (
        r"WER 100\.0 % with none, 7[78]\.\d % with english-1: your transcripts are in lower case, "
        r"what the model writes is in capitals: use --normalizer english-1"
    )
    assert re.search(f"^Warning: {said}$", result.stderr, re.MULTILINE)
    assert re.search(f"^Error: .* The measure is to blame: {said}", result.stderr, re.MULTILINE)
    assert "the model wrote 'ZERO FIVE FOUR'" in result.stderr
    assert "--temperature" not in result.stderr


def test_silence_is_measured(shared: Path, tmp_path: Path) -> None:
    manifest = shared / "cases/11-silence-to-learn-and-measure/neg.jsonl"
    result = run(
        "benchmark", "--model", shared / "models/nano-whisper-digits", "--dataset", manifest,
        "--normalizer", "none", "--output", tmp_path / "b", "--device", "cpu", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert (measured["n"], measured["measured"], measured["skipped"]) == (3, 3, 0)
    assert measured["reference_words"] == 5
    # "one one" over silence and "two six six" over noise are five words that nobody said.
    assert measured["insertions"] == 5
    assert measured["wer"] == (5 + measured["substitutions"] + measured["deletions"]) / 5
    assert measured["explanation"]["reason"] == "empty transcripts"
    assert "2 of 2 clips whose transcript is empty" in result.stderr


@pytest.mark.parametrize("model", ["nano-whisper-digits", "nano-wav2vec2-digits"])
def test_silence_is_learnt(shared: Path, tmp_path: Path, train, model: str) -> None:
    manifest = shared / "cases/11-silence-to-learn-and-measure/neg.jsonl"
    result = train(model, manifest, manifest, "--selection", "reference")
    assert result.exit_code == 0, result.output
    (rollouts,) = (tmp_path / "run/cycle-01").glob("rollouts-*.jsonl")
    lines = rollouts.read_text().splitlines()
    clips = {line["id"]: line["hypotheses"][0] for line in map(json.loads, lines)}
    learnt = {name: (h["text"], h["reward"], h["kept"]) for name, h in clips.items()}
    assert learnt == {
        "silence.flac": ("", 1.0, True),
        "noise.flac": ("", 1.0, True),
        "base.wav": ("three six five one nine", 1.0, True),
    }
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["explanation"]["clips"] == 3
    assert summary["explanation"]["rates"].keys() >= {"english-1", "none"}


@pytest.mark.parametrize("name", ["timestamps", "prefix"])
@pytest.mark.parametrize("options", [["--dry-run"], ["--selection", "reference"]])
def test_special_tokens_are_refused_by_name(
    shared: Path, train, name: str, options: list[str]
) -> None:
    case = shared / "cases/12-special-tokens-in-transcripts"
    result = train("nano-whisper-digits", case / f"{name}.jsonl", case / "h.jsonl", *options)
    assert result.exit_code == 2
    assert "skipped 24 of 24: 24 special tokens" in result.stderr
    assert "would be learnt as letters: <|" in result.stderr


def test_targets_that_cannot_be_learnt_are_the_reason_that_is_named(
    shared: Path, tmp_path: Path, train
) -> None:
    """A threshold that was reached is none."""
    case = shared / "cases/12-special-tokens-in-transcripts"
    lines = [json.loads(line) for line in (case / "h.jsonl").read_text().splitlines()[:3]]
    for line in lines:
        line["audio_filepath"] = str((case / line["audio_filepath"]).resolve())
        line["text"] = "zero one " * 100
    long = tmp_path / "long.jsonl"
    long.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = train("nano-whisper-digits", long, case / "h.jsonl", "--selection", "reference")
    assert result.exit_code == 1
    error = " ".join(result.stderr.partition("Error:")[2].split())
    assert "the model can learn none of the 3 targets that were selected: the target has" in error
    assert "(3 of them)" in error
    assert "--reward-threshold" not in error
