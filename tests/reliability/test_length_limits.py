"""What a length limit ends is counted and never learnt; the probe draws in the sampling pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import yaml

from audioforge.errors import TrainingError
from audioforge.raft import probe
from audioforge.terminal.reporter import Reporter

from .test_resume import killed
from .tone_run import BATCH, SETS, K, ToneWords, read_lines, results, resume, settings, train


class Cutter:
    """Stands in for an adapter's `sample`: some hypotheses are cut, and what was asked is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *indexes: int, greedy: str = "") -> None:
        self.params, self.batches, self.twice = [], [], []
        drawn = ToneWords.sample

        def sample(adapter, batch, k, params):
            self.params.append(params)
            if self.batches and self.batches[-1] is batch:
                self.twice.append([identity for identity, _ in batch])
            self.batches.append(batch)
            cuts = {identity: identity.endswith(greedy) for identity, _ in batch if greedy}
            return [
                [
                    attrs.evolve(h, cut=h.index in indexes if k > 1 else cuts.get(identity, False))
                    for h in row
                ]
                for (identity, _), row in zip(batch, drawn(adapter, batch, k, params), strict=True)
            ]

        monkeypatch.setattr(ToneWords, "sample", sample)

    @property
    def rates(self) -> set[float | None]:
        return {params.max_tokens_per_second for params in self.params}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the run tells and warns of."""
    heard: list[str] = []
    monkeypatch.setattr(Reporter, "warn", lambda self, text: heard.append(text))
    monkeypatch.setattr(
        Reporter, "event", lambda self, kind, text=None, *_, **__: heard.append(str(text))
    )
    return heard


def test_what_a_limit_ended_is_counted_and_not_kept(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    Cutter(monkeypatch, 0, greedy="3")
    run = tmp_path / "run"
    summary = train(run, settings(inputs, num_cycles=1))
    lines = read_lines(next((run / "cycle-01").glob("rollouts-*.jsonl")))
    assert all([("cut" in h) for h in x["hypotheses"]] == [True, False, False] for x in lines)
    assert all([h["kept"] for h in x["hypotheses"]].count(True) == 1 for x in lines)
    assert not any(x["hypotheses"][0]["kept"] for x in lines)
    (cycle,) = summary["cycles"]
    assert (cycle["hypotheses_cut"], cycle["hypotheses"]) == (SETS["train"], K * SETS["train"])
    predictions = read_lines(run / "cycle-00/predictions.jsonl")
    cut = [line["id"] for line in predictions if line.get("cut")]
    assert cut == ["heldout/03", "heldout/13"]
    assert not any("cut" in line for line in predictions if line["id"] not in cut)
    assert summary["base"]["cut"] == cycle["cut"] == summary["base"]["runaway"] == 2
    assert summary["base"]["retention"][str(inputs / "other.jsonl")]["cut"] == 1
    assert any("(n=20; greedy); cut short: 2 of 20 measured" in line for line in said)
    assert any("cut short: 20 of 60 sampled, cut short: 2 of 20 measured" in line for line in said)
    (warning,) = [line for line in said if "raise --max-tokens-per-second" in line]
    assert warning.startswith("cycle 1: a length limit ended 20 of 60 hypotheses")


def test_top_percent_keeps_nothing_that_was_cut(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cutter(monkeypatch, 0, 2)
    train(tmp_path / "run", settings(inputs, num_cycles=1, selection="top-percent"))
    lines = read_lines(next((tmp_path / "run/cycle-01").glob("rollouts-*.jsonl")))
    kept = {h for line in lines for h in range(K) if line["hypotheses"][h]["kept"]}
    assert kept == {1}


def test_who_keeps_what_was_cut_tells_the_model_so(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cutter(monkeypatch, *range(K))
    learnt, loss = [], ToneWords.loss

    def taught(adapter, batch, targets, weights):
        learnt.extend(target.cut for target in targets)
        return loss(adapter, batch, targets, weights)

    monkeypatch.setattr(ToneWords, "loss", taught)
    train(tmp_path / "run", settings(inputs, num_cycles=1, selection="random"))
    assert learnt
    assert all(learnt)


def test_where_every_hypothesis_is_cut_the_flags_are_named(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cutter(monkeypatch, *range(K))
    with pytest.raises(TrainingError, match=r"ended all of 60 hypotheses.*--max-tokens-per-second"):
        train(tmp_path / "run", settings(inputs))


@pytest.mark.sweep(3)
@pytest.mark.parametrize(
    ("changes", "stored", "told"),
    [
        ({}, 75.0, 75.0),  # nobody says which language it is
        ({"language": "en"}, 15.0, 15.0),
        ({"language": "ru"}, 30.0, 30.0),
        ({"language": "en", "max_tokens_per_second": 7}, 7.0, 7.0),
        ({"max_tokens_per_second": 0}, 0.0, None),
    ],
)
def test_the_limit_is_set_or_follows_from_the_languages(
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict,
    stored: float,
    told: float | None,
) -> None:
    cutter = Cutter(monkeypatch)
    train(tmp_path / "run", settings(inputs, num_cycles=1, steps_per_cycle=1, **changes))
    assert cutter.rates == {told}, "in sampling, in the probe and in every evaluation"
    written = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert written["max_tokens_per_second"] == stored


def test_the_probe_decodes_what_was_prepared_for_sampling(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter = Cutter(monkeypatch)
    recipe = settings(inputs, num_cycles=1, eval_dataset=str(inputs / "train.jsonl"))
    summary = train(tmp_path / "run", recipe)
    found = summary["learnability"]
    assert found["n"] == found["clips"] == SETS["train"]
    assert found["greedy_wer"] == summary["base"]["wer"], "as the evaluation of the same clips"
    ids = sorted(identity for batch in cutter.twice for identity in batch)
    assert ids == [f"train/{i:02d}" for i in range(SETS["train"])]
    drawn = [p.temperature for p in cutter.params].count(1.0)
    assert len(cutter.twice) == drawn == -(-(SETS["train"] + 1) // BATCH)


def test_whole_batches_are_probed_and_as_many_as_needed(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audioforge.run.probed_clips.PROBED_CLIPS", BATCH + 1)
    cutter = Cutter(monkeypatch)
    summary = train(tmp_path / "run", settings(inputs, num_cycles=1))
    assert len(cutter.twice) == 2
    # One of the batches may hold the clip that cannot be decoded.
    assert summary["learnability"]["n"] == sum(map(len, cutter.twice)) <= 2 * BATCH
    assert summary["learnability"]["clips"] == SETS["train"]


def test_greedy_outputs_that_a_kill_took_are_drawn_again(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert killed(inputs, run, probe, "assess", 1)
    (greedy,) = (run / "state/cycle-01").glob("probe-*")
    greedy.write_text("".join(greedy.read_text().splitlines(keepends=True)[:3]))
    rollouts = sorted((run / "cycle-01").glob("rollouts-*.jsonl"))
    before = sum(len(read_lines(path)) for path in rollouts)
    resume(run)
    assert results(run) == results(whole), "no rollout is there twice"
    assert before == SETS["train"]
