"""docs/run-folder.md describes every key that a run writes, and no other."""

from __future__ import annotations

import json

import pytest

from audioforge.run import file_keys
from audioforge.run.file_keys import undescribed

from .tone_run import read_lines


@pytest.fixture(scope="module")
def summary(whole):
    return json.loads((whole / "summary.json").read_text())


def test_the_summary(summary):
    assert not undescribed(summary, file_keys.SUMMARY)
    best = {**file_keys.BEST, summary["metric"]: ""}
    del best["<metric>"]
    assert not undescribed(summary["best"], best)


def test_evaluations_and_cycles(summary):
    metrics = dict.fromkeys(("wer", "cer"), "")
    evaluation = {k: v for k, v in file_keys.EVALUATION.items() if k != "<metric>"} | metrics
    of_set = {k: v for k, v in evaluation.items() if k != "retention"}
    assert not undescribed(summary["base"], evaluation)
    for row in summary["cycles"]:
        assert not undescribed(row, evaluation, file_keys.CYCLE)
    for row in summary["candidates"]:
        more = {"cycle": "", "interpolation": "", "lost": "", "admissible": ""}
        assert not undescribed(row, evaluation, more)
    for which in ("base", "best"):
        assert not undescribed(summary["test"][which], of_set)


def test_rollouts(whole):
    for line in read_lines(whole / "cycle-01/rollouts-00000.jsonl"):
        assert not undescribed(line, file_keys.ROLLOUT)
        for hypothesis in line["hypotheses"]:
            assert not undescribed(hypothesis, file_keys.HYPOTHESIS)
            assert not undescribed(hypothesis["scores"]["wer"], file_keys.SCORE)


def test_predictions_and_steps(whole):
    names = ("best-predictions", "test-predictions", "test-predictions-base")
    for name in ("cycle-01/predictions", *names):
        for line in read_lines(whole / f"{name}.jsonl"):
            assert not undescribed(line, file_keys.PREDICTION)
    for line in read_lines(whole / "cycle-01/steps.jsonl"):
        assert not undescribed(line, file_keys.STEP)


def test_metrics_are_the_summary_s_cycle(whole, summary):
    assert json.loads((whole / "cycle-02/metrics.json").read_text()) == summary["cycles"][1]


def totals(lines):
    """Return errors and words of predictions, added up."""
    errors = ("substitutions", "deletions", "insertions")
    return sum(line[e] for line in lines for e in errors), sum(x["reference_words"] for x in lines)


def test_lines_carry_the_errors_that_the_summary_divides(whole, summary):
    best, test = summary["best"], summary["test"]
    files = {
        "cycle-00/predictions": summary["base"],
        "cycle-02/predictions": summary["cycles"][1],
        "best-predictions": best,
        "test-predictions-base": test["base"],
        "test-predictions": test["best"],
    }
    for name, measured in files.items():
        lines = read_lines(whole / f"{name}.jsonl")
        errors, words = totals(lines)
        assert errors / words == measured["wer"], name
        assert [line["measured"]["wer"] for line in lines] == [list(totals([x])) for x in lines]
        assert {line["normalizer"] for line in lines} == {"none"}
