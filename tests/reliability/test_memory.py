"""What a run holds does not grow with what it has sampled: that lies on the disk."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.run.rollout_store import RolloutStore
from audioforge.sample import AudioSample, Clip, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.terminal.reporter import Reporter

from .tone_run import read_lines, settings

CLIPS, BATCH, K = 2_000, 50, 3
BATCHES_AT_ONCE = 4
"""Decoded ahead, and what the caller still has of the last one."""


def stream(inputs: Path, path: Path) -> None:
    """Write a table that holds its sound, as a stream of the hub hands it over."""
    lines = [x for x in read_lines(inputs / "train.jsonl") if "broken" not in x["audio_filepath"]]
    sounds = [(inputs / line["audio_filepath"]).read_bytes() for line in lines]
    rows = [
        {
            "id": f"clip-{number:05d}",
            "audio": {"bytes": sounds[number % len(lines)], "path": None},
            "text": lines[number % len(lines)]["text"],
        }
        for number in range(CLIPS)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def held() -> Counter[str]:
    """Count the records that are alive, and the samples that hold their sound in memory."""
    kinds = (AudioSample, Clip, Hypothesis, Rollout, Score, ScoredHypothesis)
    alive = [thing for thing in gc.get_objects() if type(thing) in kinds]
    counts = Counter(type(thing).__name__ for thing in alive)
    in_memory = (s for s in alive if isinstance(s, AudioSample) and not s.stored)
    counts["sound"] = sum(not isinstance(s.audio, Path | None) for s in in_memory)
    return counts


@pytest.mark.soak
@pytest.mark.slow
def test_a_run_holds_a_few_batches_and_what_it_kept(inputs, tmp_path, monkeypatch) -> None:
    stream(inputs, tmp_path / "stream.parquet")
    recipe = settings(
        inputs,
        dataset=str(tmp_path / "stream.parquet"),
        eval_dataset=str(inputs / "other.jsonl"),
        retention_dataset=[],
        test_dataset=None,
        num_cycles=1,
        batch_size=BATCH,
        samples_per_prompt=K,
        streaming=True,
    )
    batches, selected = [], []

    def append_and_count(self: RolloutStore, *arguments: object) -> None:
        append(self, *arguments)
        batches.append(held() if len(batches) % 5 == 0 else None)

    def mark_and_count(self: RolloutStore, *arguments: object) -> None:
        mark(self, *arguments)
        selected.append(held())

    append, mark = RolloutStore.append, RolloutStore.mark_kept
    monkeypatch.setattr(RolloutStore, "append", append_and_count)
    monkeypatch.setattr(RolloutStore, "mark_kept", mark_and_count)
    before = held()
    config = AudioRAFTConfig.from_mapping({**recipe, "output_dir": tmp_path / "run"})
    summary = AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train().as_mapping()
    assert summary["cycles"][0]["hypotheses"] == CLIPS * K
    assert len(batches) == CLIPS // BATCH
    most = BATCHES_AT_ONCE * BATCH
    for counts in filter(None, batches):
        grown = counts - before
        assert grown["AudioSample"] >= CLIPS  # the list of what there is, without its sound
        assert max(grown[n] for n in ("sound", "Clip", "Rollout")) <= most
        assert max(grown[n] for n in ("Hypothesis", "Score", "ScoredHypothesis")) <= most * K
    [counts] = selected
    grown = counts - before
    assert grown["Hypothesis"] <= CLIPS + most * K  # one of each clip
    assert max(grown[n] for n in ("sound", "Clip", "Rollout")) <= most
    assert max(grown[n] for n in ("Score", "ScoredHypothesis")) <= most * K
