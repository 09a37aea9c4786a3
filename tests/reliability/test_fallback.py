"""A run that measures with temperature fallback: what is named, counted and kept over a kill."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import jiwer
import pytest
import yaml

from audioforge import benchmark
from audioforge.errors import ConfigError
from audioforge.raft import probe
from audioforge.terminal.reporter import Reporter

from .test_resume import killed
from .tone_run import K, ToneWords, command, read_lines, results, resume, settings, train

LOOP = "low " * 60
WITH = "greedy with temperature fallback"
ON = {"num_cycles": 1, "temperature_fallback": True}


class Looping:
    """Stands in for an adapter's `sample`: greedy and at 0.2 some clips are a loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: list[tuple[int, float]] = []
        sample = ToneWords.sample

        def looped(adapter, batch, k, params):
            self.drawn.append((k, params.temperature))
            rows = sample(adapter, batch, k, params)
            if params.temperature == 1.0:
                return rows
            if params.temperature > 0.3:
                return [[attrs.evolve(h, logprob=-1.0)] for (h,) in rows]
            sure = [attrs.evolve(h, logprob=-1.0) for (h,) in rows]  # of five tokens
            return [
                [attrs.evolve(h, text=LOOP) if identity.endswith("3") else h]
                for (identity, _), h in zip(batch, sure, strict=True)
            ]

        monkeypatch.setattr(ToneWords, "sample", looped)
        monkeypatch.setattr(ToneWords, "autoregressive", True)


@pytest.fixture
def looping(monkeypatch: pytest.MonkeyPatch) -> Looping:
    return Looping(monkeypatch)


@pytest.fixture(scope="module")
def fallen_back(inputs: Path) -> tuple[Path, Looping]:
    """A run with temperature fallback, and what was drawn in it."""
    with pytest.MonkeyPatch.context() as patch:
        looping = Looping(patch)
        train(inputs / "fallen-back", settings(inputs, **ON))
    return inputs / "fallen-back", looping


def rate(lines: list[dict]) -> float:
    return jiwer.wer([line["text"] for line in lines], [line["pred_text"] for line in lines])


def test_loops_are_drawn_again_in_every_evaluation_and_in_no_rollout(
    fallen_back: tuple[Path, Looping],
) -> None:
    run, looping = fallen_back
    summary = json.loads((run / "summary.json").read_text())
    assert {t for k, t in looping.drawn if k == K} == {1.0}
    assert {t for k, t in looping.drawn if k == 1} == {0.0, 0.2, 0.4}
    lines = read_lines(run / "cycle-00/predictions.jsonl")
    assert [(x["id"], x["temperature"]) for x in lines if "temperature" in x] == [
        ("heldout/03", 0.4),
        ("heldout/13", 0.4),
    ]
    assert summary["base"]["wer"] == pytest.approx(rate(lines))
    measured = [summary["base"], *summary["cycles"], *summary["candidates"], summary["best"]]
    assert {(e["decoding"], e["fell_back"], e["runaway"]) for e in measured} == {(WITH, 2, 0)}
    others = [e for x in measured[:3] for e in x["retention"].values()]
    others += [summary["test"]["base"], summary["test"]["best"]]
    assert {(e["decoding"], e["fell_back"], e["runaway"]) for e in others} == {(WITH, 1, 0)}


def test_a_run_goes_on_with_its_decoding(
    inputs: Path, tmp_path: Path, looping: Looping, fallen_back: tuple[Path, Looping]
) -> None:
    assert killed(inputs, tmp_path / "run", probe, "assess", 1, **ON)
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == results(fallen_back[0])
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["temperature_fallback"]


def test_run_away_clips_are_counted_and_the_rate_is_told_without_them(
    inputs: Path, tmp_path: Path, looping: Looping, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        Reporter, "event", lambda self, kind, text=None, *_, **__: said.append(str(text))
    )
    summary = train(tmp_path / "run", settings(inputs, num_cycles=1))
    lines = read_lines(tmp_path / "run/cycle-00/predictions.jsonl")
    others = [line for line in lines if "runaway" not in line]
    base = summary["base"]
    assert (base["decoding"], base["runaway"], "fell_back" in base) == ("greedy", 2, False)
    assert base["wer"] == pytest.approx(rate(lines))
    assert base["without_runaway"]["wer"] == pytest.approx(rate(others))
    assert rate(others) < 1 < rate(lines)
    low, high = summary["cycles"][0]["difference_ci95_without_runaway"]
    assert low <= summary["cycles"][0]["without_runaway"]["wer"] - rate(others) <= high
    told = f"{100 * rate(others):.1f} % without 2 run-away clips (n=20; greedy)"
    assert any(line.startswith("base: WER") and told in line for line in said)


def test_benchmark_names_its_decoding(
    inputs: Path, looping: Looping, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {"device": "cpu", "normalizer": "none"}
    plain = benchmark(inputs / "base", inputs / "heldout.jsonl", **recipe)
    drawn = benchmark(
        inputs / "base", inputs / "heldout.jsonl", temperature_fallback=True, **recipe
    )
    assert (plain.result["decoding"], plain.result["runaway"]) == ("greedy", 2)
    assert drawn.result["wer"] < 1 < plain.result["wer"]
    assert (drawn.result["decoding"], drawn.result["fell_back"]) == (WITH, 2)
    assert "without 2 run-away clips, greedy." in plain.conclusion
    assert f"{WITH}." in drawn.conclusion


def test_the_plan_names_it(inputs: Path, tmp_path: Path, looping: Looping, capsys) -> None:
    flags = ["--model", inputs / "base", "--dataset", inputs / "train.jsonl", "--dry-run"]
    with pytest.raises(SystemExit):
        command("train", *flags, "--temperature-fallback", "--output", tmp_path / "run")
    assert f"decoding: {WITH}" in capsys.readouterr().out


def test_a_model_that_cannot_repeat_itself_is_refused(inputs: Path, tmp_path: Path) -> None:
    """`ToneWords` says all words at once."""
    with pytest.raises(ConfigError, match=r"temperature_fallback: .*ToneWords does not"):
        train(tmp_path / "run", settings(inputs, **ON))
    with pytest.raises(ConfigError, match=r"temperature_fallback: .*ToneWords does not"):
        benchmark(inputs / "base", inputs / "heldout.jsonl", temperature_fallback=True)
