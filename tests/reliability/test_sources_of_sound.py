"""What kind of source a clip comes from changes nothing, whatever ids other datasets have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audioforge.audio import load_clip
from audioforge.run.data.spool import Spool
from audioforge.sample import AudioSample

from .byte_sources import roles, said, weights, write_manifests, write_parquets
from .tone_run import SETS, read_lines, resume, settings, train
from .tone_run import results as results_of


@pytest.mark.sweep(2)
@pytest.mark.parametrize("with_ids", [True, False], ids=["ids", "numbered rows"])
def test_a_run_on_sound_from_parquet_is_that_on_a_manifest(
    inputs: Path, tmp_path: Path, with_ids: bool
) -> None:
    write_manifests(inputs, tmp_path / "files", "clip-{}" if with_ids else "row-{}")
    write_parquets(tmp_path / "files", tmp_path / "bytes", with_ids=with_ids)
    summaries = [
        train(tmp_path / name, settings(inputs, **roles(tmp_path / folder, suffix)))
        for name, folder, suffix in (("a", "files", "jsonl"), ("b", "bytes", "parquet"))
    ]
    assert said(tmp_path / "a") == said(tmp_path / "b")
    assert len(weights(tmp_path / "a")) > 1
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    first, second = ([c["wer"] for c in (s["base"], *s["cycles"])] for s in summaries)
    assert first == second


def test_a_stopped_run_on_sound_from_parquet_goes_on(inputs: Path, tmp_path: Path) -> None:
    write_manifests(inputs, tmp_path / "files", "clip-{}")
    write_parquets(tmp_path / "files", tmp_path / "bytes", with_ids=True)
    recipe = settings(inputs, **roles(tmp_path / "bytes", "parquet"))
    train(tmp_path / "whole", recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audioforge.raft.loop.select", _fail)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", recipe)
    kept = sorted((tmp_path / "run" / "state" / "clips").iterdir())
    # Of the clips and of one file that is broken in two datasets each sound is there once.
    assert len(kept) == sum(SETS.values()) + 1
    kept[3].write_bytes(b"torn by a power cut")
    resume(tmp_path / "run")
    assert results_of(tmp_path / "run") == results_of(tmp_path / "whole")


def _fail(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_sound_is_kept_by_its_content(tmp_path: Path) -> None:
    """Whatever the ids, different sound is never in one file."""
    spool, draw = Spool(tmp_path / "clips"), np.random.default_rng(0)
    sounds = [draw.uniform(-1, 1, 800).astype(np.float32) for _ in range(3)]
    samples = [AudioSample("row-1", sound, rate) for sound in sounds for rate in (8000, 16_000)]
    kept = [spool.keep(sample) for sample in samples + samples]
    for sample, stored in zip(samples + samples, kept, strict=True):
        assert np.array_equal(load_clip(stored, sample.sampling_rate).waveform, sample.audio)
    assert len(list((tmp_path / "clips").iterdir())) == len(samples)


def test_a_run_keeps_nothing_of_the_sound_when_it_is_over(inputs: Path, tmp_path: Path) -> None:
    write_manifests(inputs, tmp_path / "files", "clip-{}")
    write_parquets(tmp_path / "files", tmp_path / "bytes", with_ids=True)
    train(tmp_path / "run", settings(inputs, **roles(tmp_path / "bytes", "parquet")))
    assert not (tmp_path / "run" / "state").exists()
    (place,) = {
        line["audio_filepath"]
        for line in read_lines(tmp_path / "run" / "cycle-00" / "predictions.jsonl")
        if line["id"] == "clip-1"
    }
    assert place == "clip-1", "a copy that is gone is not where the clip is"
