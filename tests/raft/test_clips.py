"""Batches of decoded clips, and one policy for what cannot be used."""

import threading

import numpy as np
import pytest

from audioforge.errors import DatasetError
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.skip_log import SkipLog
from audioforge.sample import AudioSample, Problem

RATE = 8000


def silence(identity: str, seconds: float) -> AudioSample:
    return AudioSample(identity, np.zeros(round(RATE * seconds)), RATE)


def loader(tone_model, skips: SkipLog) -> ClipLoader:
    return ClipLoader(tone_model(), skips)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 100])
def test_every_sample_comes_once_in_order(tone_model, tone_clips, batch_size):
    samples = tone_clips(10)
    batches = list(loader(tone_model, SkipLog()).batches(chunks_of(samples, batch_size)))
    assert [s.id for batch in batches for s in batch.samples] == [s.id for s in samples]
    assert [c.sample.id for batch in batches for c in batch.clips] == [s.id for s in samples]
    assert {len(batch.samples) for batch in batches[:-1]} <= {batch_size}
    assert all(c.sampling_rate == RATE for batch in batches for c in batch.clips)


def test_no_samples_give_no_batches(tone_model):
    assert list(loader(tone_model, SkipLog()).batches(chunks_of([], 4))) == []


def test_what_cannot_be_used_is_named_counted_and_left_out(tone_model, tmp_path):
    samples = [
        silence("good", 1.0),
        silence("long", 2.5),
        silence("short", 0.01),
        AudioSample("absent", tmp_path / "absent.wav"),
        AudioSample("noise", b"no sound file at all"),
        silence("good-2", 2.0),
    ]
    skips = SkipLog()
    for _ in range(2):  # every cycle meets the same clips; each is counted once
        batches = list(loader(tone_model, skips).batches(chunks_of(samples, 2)))
        assert [[c.sample.id for c in b.clips] for b in batches] == [["good"], [], ["good-2"]]
        assert [sorted(b.problems) for b in batches] == [["long"], ["absent", "short"], ["noise"]]
    kinds = {p.where: p.kind for p in skips.problems.values()}
    assert kinds == {
        "long": "too long",
        "short": "too short",
        f"absent ({tmp_path / 'absent.wav'})": "missing audio",
        "noise": "undecodable",
    }
    line = skips.describe(len(samples))
    kinds = "1 too long, 1 too short, 1 missing audio, 1 undecodable"
    assert line.startswith(f"skipped 4 of 6: {kinds} (first: long: ")
    assert "2.50 s is longer than the model's window of 2 s" in line


def test_under_fail_the_first_one_stops_and_is_named(tone_model):
    batches = loader(tone_model, SkipLog("fail")).batches([[silence("long", 2.5)]])
    with pytest.raises(DatasetError, match=r"long: 2\.50 s is longer.*\(--on-error skip leaves"):
        next(batches)


def test_nothing_skipped_is_nothing_to_say():
    assert SkipLog().describe(3) is None


def test_what_other_processes_skipped_is_taken_over_once():
    mine, theirs = (Problem(f"clip-{i}", "it is cut", "undecodable") for i in range(2))
    log = SkipLog()
    log.add(mine)
    log.share(lambda own: [*own, theirs, mine])
    assert [p.where for p in log.problems.values()] == ["clip-0", "clip-1"]


def test_leaving_early_ends_its_threads(tone_model, tone_clips):
    before = threading.active_count()
    batches = loader(tone_model, SkipLog()).batches(chunks_of(tone_clips(40), 2))
    next(batches)
    batches.close()
    assert threading.active_count() == before
