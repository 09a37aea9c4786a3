"""Verifiers and aggregators as a user chooses them, from the command line to the rollouts."""

import json
from itertools import pairwise
from pathlib import Path

import jiwer
import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli
from audioforge_demo import assets

TRAIN = [
    "train", "--model", assets.model(), "--eval-dataset", "demo:split=heldout", "--device", "cpu",
    "--normalizer", "none", "--cycles", 1, "--steps-per-cycle", 1, "--limit", 12,
    "--reward-threshold", 0, "--max-new-tokens", 12,
]  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def hypotheses(folder: Path) -> list[list[dict]]:
    """Return the hypotheses of each clip of the first cycle."""
    lines = (folder / "cycle-01" / "rollouts-00000.jsonl").read_text().splitlines()
    return [json.loads(line)["hypotheses"] for line in lines]


def trained(folder: Path, *flags: object) -> list[list[dict]]:
    result = run(*TRAIN, "--output", folder, *flags)
    assert result.exit_code == 0, result.output
    return hypotheses(folder)


@pytest.fixture
def untranscribed(tmp_path: Path) -> Path:
    """A manifest of the demo's clips without any text."""
    lines = [json.loads(line) for line in assets.target_train().read_text().splitlines()[:12]]
    folder = assets.target_train().parent
    rows = [{"audio_filepath": str(folder / line["audio_filepath"])} for line in lines]
    path = tmp_path / "untranscribed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_consensus_trains_without_any_transcript(tmp_path: Path, untranscribed: Path) -> None:
    rollouts = trained(
        tmp_path / "r", "--dataset", untranscribed, "--verifier", "consensus", "--temperature", 1.3
    )
    assert len(rollouts) == 12
    assert any(len({h["text"] for h in clip}) > 1 for clip in rollouts)
    for clip in rollouts:
        for i, hypothesis in enumerate(clip):
            others = [h["text"] for j, h in enumerate(clip) if j != i]
            agreement = [max(0, 1 - jiwer.wer(other, hypothesis["text"])) for other in others]
            assert hypothesis["reward"] == pytest.approx(sum(agreement) / len(agreement))
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    learnability = summary["learnability"]
    assert (learnability["n"], learnability["clips"]) == (0, 12)
    assert learnability["oracle_wer"] is None
    assert summary["base"]["wer"] > 0, "measured on the held-out set, which has transcripts"


@pytest.mark.parametrize(
    "flags",
    [
        ["--verifier", "wer"],
        ["--verifier", "wer", "--verifier", "consensus:weight=0"],
        ["--verifier", "consensus", "--selection", "reference"],
    ],
)
def test_what_needs_a_transcript_says_so(
    tmp_path: Path, untranscribed: Path, flags: list[str]
) -> None:
    result = run(*TRAIN, "--dataset", untranscribed, "--output", tmp_path / "r", *flags)
    assert result.exit_code == 2
    assert "12 of 12: 12 empty reference" in " ".join(result.stderr.split())


@pytest.mark.soak
def test_flags_and_yaml_choose_the_same(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("seven\nzero\none\n")
    by_flags = trained(
        tmp_path / "flags", "--dataset", "demo:split=train",
        "--verifier", "wer", "--verifier", f"hotwords:terms={tmp_path}/terms.txt,weight=0.5",
        "--aggregator", "gated:require=hallucination",
    )  # fmt: skip
    (tmp_path / "run.yaml").write_text(
        "verifier:\n"
        "  - wer\n"
        "  - {name: hotwords, words: [seven, zero, one], weight: 0.5}\n"
        "aggregator: {name: gated, require: [hallucination]}\n"
    )
    flags = ["--dataset", "demo:split=train", "--config", tmp_path / "run.yaml"]
    assert trained(tmp_path / "yaml", *flags) == by_flags
    # A missing gate is added, and what has no term is judged by the word error rate alone.
    for hypothesis in (h for clip in by_flags for h in clip):
        scores = hypothesis["scores"]
        assert scores.keys() == {"wer", "hotwords", "hallucination"}
        wer, terms = scores["wer"]["reward"], scores["hotwords"]["reward"]
        mean = wer if terms is None else (wer + 0.5 * terms) / 1.5
        gate = scores["hallucination"]["passed"]
        assert hypothesis["reward"] == pytest.approx(mean if gate else 0)
    base = json.loads((tmp_path / "flags" / "summary.json").read_text())["base"]
    assert {"wer", "term_recall", "term_precision", "hallucination_rate"} <= base.keys()


def test_a_verifier_of_weight_0_is_only_recorded(tmp_path: Path) -> None:
    flags = ["--dataset", "demo:split=train", "--aggregator", "minimum", "--verifier", "wer"]
    recorded = trained(tmp_path / "r", *flags, "--verifier", "cer:weight=0,id=letters")
    assert any(
        h["scores"]["letters"]["reward"] < h["scores"]["wer"]["reward"]
        for clip in recorded
        for h in clip
    ), "else its part in the minimum would not show"
    for hypothesis in (h for clip in recorded for h in clip):
        assert hypothesis["reward"] == hypothesis["scores"]["wer"]["reward"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--verifier", "wer:weight=0"], "every weight is 0"),
        (["--verifier", "wer", "--verifier", "wer"], "wer is there twice; give one another name"),
        (["--aggregator", "gated:require=label"], "requires label, which serves classification"),
        (["--aggregator", "gated:require=hotwords"], "give it as a verifier, with weight 0"),
        (["--aggregator", "gated:require=halucination"], "Did you mean hallucination"),
    ],
)
def test_a_choice_that_cannot_be_is_found_before_any_data_is_read(
    tmp_path: Path, flags: list[str], message: str
) -> None:
    result = run(*TRAIN, "--dataset", "missing.jsonl", "--output", tmp_path / "r", *flags)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "missing.jsonl" not in result.stderr.partition("Error:")[2]


def test_a_dry_run_names_the_gate(tmp_path: Path) -> None:
    flags = ["--dataset", "demo:split=train", "--aggregator", "gated:require=hallucination"]
    result = run(*TRAIN, "--output", tmp_path / "r", *flags, "--dry-run")
    expected = "reward: gated of wer × 1, hallucination × 0; required to pass: hallucination"
    assert expected in result.stdout.splitlines()


def test_nothing_that_could_be_judged_names_the_verifiers(tmp_path: Path) -> None:
    flags = ["--dataset", "demo:split=train", "--verifier", "hotwords:words=hippopotamus"]
    result = run(*TRAIN, "--output", tmp_path / "r", *flags)
    assert result.exit_code == 1
    assert "none of 48 could be judged by hotwords" in " ".join(result.stderr.split())


def test_benchmark_reports_the_chosen_verifiers_and_says_which_it_cannot() -> None:
    result = run(
        "benchmark", "--model", assets.model(), "--dataset", "demo:split=heldout", "--limit", 12,
        "--normalizer", "none", "--device", "cpu", "--verifier", "hallucination",
        "--verifier", "consensus", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["hallucination_rate"] == 0
    assert ("wer", "ci95") in list(pairwise(figures)), "the interval follows what it is of"
    assert "the benchmark reports nothing of it" in " ".join(result.stderr.split())
    assert "consensus" in result.stderr
