"""Clips with labels and without transcripts, by every door: they teach, and they decide."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli

from .tone_run import (
    Fork,
    command,
    flags,
    read_lines,
    results,
    resume,
    settings,
    train,
    until,
    write_lines,
)

PAUSE = "TONE_WORDS_PAUSE"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def recipe(inputs: Path) -> dict:
    """A run on the tones, of which is known which there are, and not in which order."""
    for name in ("train", "heldout", "other"):
        lines = read_lines(inputs / f"{name}.jsonl")
        for line in lines:
            line["slots"] = {"tones": line.pop("text").split()}
        write_lines(inputs / f"{name}-slots.jsonl", lines)
    changes: dict[str, object] = {
        "dataset": inputs / "train-slots.jsonl",
        "eval_dataset": inputs / "heldout-slots.jsonl",
        "retention_dataset": [str(inputs / "other.jsonl")],
        "test_dataset": inputs / "other-slots.jsonl",
        "verifier": ["slots"],
        "metric": "slots.slot_f1",
        "reward_threshold": 1.0,
        "samples_per_prompt": 8,
        "temperature": 0.3,
    }
    return settings(inputs, **{k: str(v) if isinstance(v, Path) else v for k, v in changes.items()})


@pytest.fixture(scope="module")
def labelled(inputs: Path) -> dict:
    return recipe(inputs)


@pytest.fixture(scope="module")
def learnt(inputs: Path, labelled: dict) -> Path:
    train(inputs / "learnt", labelled)
    return inputs / "learnt"


def test_a_run_learns_from_labels_and_is_decided_by_them(learnt: Path) -> None:
    summary = json.loads((learnt / "summary.json").read_text())
    assert (summary["metric"], summary["higher_is_better"]) == ("slot_f1", True)
    assert summary["metric_is_rewarded"] is True
    assert summary["base"]["measured"] == 20
    assert "wer" not in summary["base"]  # nobody knows it
    learnability = summary["learnability"]
    assert learnability["oracle_slot_f1"] > learnability["greedy_slot_f1"]


def test_what_must_not_get_worse_may_have_transcripts_instead(inputs: Path, learnt: Path) -> None:
    summary = json.loads((learnt / "summary.json").read_text())
    for row in (summary["base"], *summary["cycles"]):
        assert row["metric"] == "slot_f1"
        retained = row["retention"][str(inputs / "other.jsonl")]
        assert retained["metric"] == "wer"
        assert "slot_f1" not in retained
        assert retained["wer"] >= 0
        assert retained["ci95"][0] <= retained["wer"] <= retained["ci95"][1]
    assert summary["test"]["base"]["metric"] == "slot_f1"


def test_its_figures_are_those_of_counting_by_hand(
    inputs: Path, learnt: Path, labelled: dict
) -> None:
    expected = {
        line["id"]: Counter(line["slots"]["tones"])
        for name in ("train", "heldout")
        for line in read_lines(inputs / f"{name}-slots.jsonl")
    }
    said = [
        (expected[line["id"]], Counter(line["pred_text"].split()))
        for line in read_lines(learnt / "cycle-00/predictions.jsonl")
    ]
    hits = sum((wanted & heard).total() for wanted, heard in said)
    both = sum(wanted.total() + heard.total() for wanted, heard in said)
    base = json.loads((learnt / "summary.json").read_text())["base"]
    assert base["slot_f1"] == pytest.approx(2 * hits / both)
    drawn = [
        (expected[line["id"]], hypothesis)
        for path in learnt.glob("cycle-01/rollouts-*.jsonl")
        for line in read_lines(path)
        for hypothesis in line.get("hypotheses", ())
    ]
    assert len(drawn) == 20 * labelled["samples_per_prompt"]
    for wanted, hypothesis in drawn:
        heard = Counter(hypothesis["text"].split())
        f1 = 2 * (wanted & heard).total() / (wanted.total() + heard.total())
        assert hypothesis["reward"] == pytest.approx(f1)


def test_the_metric_is_written_down_and_cannot_be_another_one(learnt: Path) -> None:
    assert "metric: slots.slot_f1" in (learnt / "config.yaml").read_text()
    refused = run("train", "--resume", learnt, "--metric", "slots.slot_recall")
    assert refused.exit_code != 0
    assert "a run goes on with its own settings; leave out metric" in " ".join(
        refused.output.split()
    )


@pytest.mark.parametrize("reached", ["cycle-01/rollouts-00.jsonl", "state/point.json"])
def test_killed_and_resumed_it_ends_as_one_that_was_not(
    labelled: dict, learnt: Path, tmp_path: Path, reached: str
) -> None:
    folder = tmp_path / "run"
    fork = Fork(command, "train", *flags(labelled), "--output", folder, **{PAUSE: 0.05})
    until(lambda: any(folder.glob(reached.replace("00", "*"))))
    fork.signal(signal.SIGKILL)
    assert fork.end() == -signal.SIGKILL
    resume(folder)
    assert results(folder) == results(learnt)


def test_a_dry_run_says_what_decides(labelled: dict, tmp_path: Path) -> None:
    told = run("train", *flags(labelled), "--output", tmp_path / "run", "--dry-run")
    assert told.exit_code == 0, told.output
    assert "metric that decides: slots.slot_f1, which is also rewarded" in told.output
    assert "train-slots.jsonl (21 samples)" in told.output
    assert not (tmp_path / "run").exists()


def test_a_benchmark_measures_what_the_run_did(inputs: Path, learnt: Path) -> None:
    arguments = ["--model", learnt / "best", "--dataset", inputs / "heldout-slots.jsonl"]
    judged = ["--verifier", "slots", "--metric", "slots.slot_f1", "--batch-size", 4]
    measured = run("benchmark", *arguments, *judged, "--normalizer", "none", "--json")
    assert measured.exit_code == 0, measured.output
    result = json.loads(measured.stdout)
    best = json.loads((learnt / "summary.json").read_text())["best"]
    assert result["metric"] == "slots.slot_f1"
    assert result["slot_f1"] == pytest.approx(best["slot_f1"])
    assert result["slot_f1"] == pytest.approx(2 * result["slot_hits"] / result["all_values"])
    assert "wer" not in result
    unmeasured = run("benchmark", *arguments, "--verifier", "slots")
    assert "there is nothing in it to use" in unmeasured.output
    assert "see --verifier and --metric" in " ".join(unmeasured.output.split())


@pytest.mark.parametrize(
    ("verifiers", "metric"),
    [
        ([], "hallucination.hallucination_rate"),
        (["--verifier", "consensus"], "hallucination.hallucination_rate"),
        (["--verifier", "length:low=1,high=9"], "length.unlikely_length_rate"),
    ],
)
def test_sound_alone_is_measured_by_what_needs_no_reference(
    inputs: Path, tmp_path: Path, verifiers: list[str], metric: str
) -> None:
    lines = read_lines(inputs / "heldout.jsonl")[:2]
    for line in lines:
        sound = inputs / line["audio_filepath"]
        (tmp_path / sound.name).symlink_to(sound)
    folder = f"{tmp_path}:format=sound-folder"
    output = ["--output", tmp_path / "out", "--json"]
    measured = run(
        "benchmark", "--model", inputs / "base", "--dataset", folder, *verifiers, *output
    )
    assert measured.exit_code == 0, measured.output
    result = json.loads(measured.stdout)
    assert (result["metric"], result["measured"], "wer" in result) == (metric, 2, False)
    assert "no clip has a reference" in measured.stderr
    predictions = read_lines(tmp_path / "out" / "predictions.jsonl")
    assert [(p["text"], bool(p["pred_text"])) for p in predictions] == [(None, True)] * 2


def test_a_part_is_held_out_of_labelled_clips_alone(labelled: dict, tmp_path: Path) -> None:
    alone = {k: v for k, v in labelled.items() if not k.endswith("_dataset")}
    summary = train(tmp_path / "run", {**alone, "num_cycles": 1, "eval_fraction": 0.5})
    assert summary["eval_dataset"].endswith("(held out)")
    assert summary["base"]["measured"] >= 9
    assert summary["best"]["slot_f1"] is not None
