"""What is kept of clips: within its bound, whole or not at all, and never in the way."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audioforge.audio import load_clip
from audioforge.inference import clips as clips_module
from audioforge.inference.clip_cache import ClipCache
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.skip_log import SkipLog
from audioforge.sample import AudioSample

ROW = {"a": torch.arange(1000, dtype=torch.float32), "b": torch.tensor(2.0, dtype=torch.bfloat16)}
RATE = 8000


class Model:
    sampling_rate, max_seconds, min_seconds = RATE, 2.0, 0.01


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, said: list[str]):
    def _open(limit: int = 10**9) -> ClipCache:
        cache = ClipCache(tmp_path / "cache")
        cache.open(limit, said.append)
        return cache

    return _open


def same(row: dict | None) -> bool:
    return row is not None and all(torch.equal(row[name], ROW[name]) for name in ROW)


def test_what_was_put_is_got_in_another_process_too(opened) -> None:
    opened().put("kind", "clip", ROW)
    assert same(opened().get("kind", "clip"))
    assert opened().get("other", "clip") is None


def test_what_is_got_can_be_changed_without_changing_what_is_kept(opened) -> None:
    cache = opened()
    cache.put("kind", "clip", ROW)
    cache.get("kind", "clip")["a"].zero_()
    assert same(cache.get("kind", "clip"))


def test_it_never_takes_more_than_it_may_whoever_writes(opened) -> None:
    cache, limit = opened(60_000), 60_000
    threads = [
        threading.Thread(target=lambda n=n: [cache.put("k", f"{n}-{i}", ROW) for i in range(10)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limit - 9_000 < cache.bytes_there() <= limit
    again = opened(60_000)  # what is there counts
    again.put("kind", "clip", ROW)
    assert again.get("kind", "clip") is None


def test_what_is_dropped_gives_its_room_back(opened) -> None:
    cache = opened(2 * 8_192)
    cache.put("kind", "stays", ROW)
    for cycle in range(3):
        cache.put("kind-passing", f"{cycle}", ROW)
        assert same(cache.get("kind-passing", f"{cycle}")), "there is room in each cycle"
        cache.put("kind", "late", ROW)
        assert cache.get("kind", "late") is None
        cache.drop("-passing")
        assert cache.get("kind-passing", f"{cycle}") is None
    assert same(cache.get("kind", "stays"))
    cache.put("kind", "late", ROW)
    assert same(cache.get("kind", "late"))


def test_closed_it_keeps_nothing_and_writes_nothing(opened, tmp_path: Path) -> None:
    for cache in (opened(0), ClipCache(), ClipCache(tmp_path / "cache")):
        cache.put("kind", "clip", ROW)
        assert cache.get("kind", "clip") is None
    assert not (tmp_path / "cache").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def zero(path: Path) -> None:
    """As a power cut leaves what was not flushed."""
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def rubbish(path: Path) -> None:
    path.write_bytes(os.urandom(3000))


@pytest.mark.parametrize("damage", [cut, zero, empty, rubbish])
def test_a_damaged_entry_is_not_there_and_can_be_put_again(opened, tmp_path, damage) -> None:
    opened().put("kind", "clip", ROW)
    damage(tmp_path / "cache/kind/clip.safetensors")
    cache = opened()
    assert cache.get("kind", "clip") is None
    cache.put("kind", "clip", ROW)
    assert same(cache.get("kind", "clip"))


def test_a_disk_that_takes_no_more_is_said_once_and_what_is_there_is_used(
    opened, tmp_path, said
) -> None:
    cache = opened()
    cache.put("kind", "clip", ROW)
    (tmp_path / "cache/full").touch()  # no folder can be made here
    for name in ("one", "two"):
        cache.put("full", name, ROW)
    assert len(said) == 1
    assert "is not kept, and is computed again" in said[0]
    assert same(cache.get("kind", "clip"))


def test_it_does_not_make_a_folder_anew_that_was_taken_away(opened, tmp_path, said) -> None:
    cache = opened()
    (tmp_path / "cache").rmdir()
    cache.put("kind", "clip", ROW)
    assert not (tmp_path / "cache").exists()
    assert len(said) == 1


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The ids of the clips that were decoded."""
    ids = []

    def _load(sample, *arguments, **named):
        ids.append(sample.id)
        return load_clip(sample, *arguments, **named)

    monkeypatch.setattr(clips_module, "load_clip", _load)
    return ids


def tone(path: Path, seconds: float, hertz: float) -> Path:
    soundfile.write(path, 0.1 * np.sin(np.arange(round(16_000 * seconds)) * hertz / 2500), 16_000)
    return path


def waveforms(cache: ClipCache, samples: list[AudioSample]) -> dict[str, np.ndarray]:
    loader = ClipLoader(Model(), SkipLog(), cache)
    batches = loader.batches(chunks_of(samples, 2))
    return {c.sample.id: c.waveform for batch in batches for c in batch.clips}


def test_a_clip_is_decoded_once_and_again_when_its_file_was_written_to(
    opened, tmp_path, decoded
) -> None:
    whole = tone(tmp_path / "long.wav", 1.0, 400)
    samples = [
        AudioSample("a", tone(tmp_path / "a.wav", 0.5, 300)),
        AudioSample("first half", whole, offset=0.0, duration=0.5),
        AudioSample("second half", whole, offset=0.5, duration=0.5),
        AudioSample("too long", tone(tmp_path / "b.wav", 2.5, 300)),
    ]
    expected = waveforms(ClipCache(), samples)
    decoded.clear()
    found = [waveforms(opened(), samples) for _ in range(2)]
    assert sorted(decoded) == ["a", "first half", "second half", "too long", "too long"]
    for kept in found:
        assert kept.keys() == expected.keys()
        assert all(np.array_equal(kept[i], expected[i]) for i in expected)
    decoded.clear()
    tone(tmp_path / "a.wav", 0.5, 350)  # as long, of another sound
    changed = waveforms(opened(), samples)
    assert sorted(decoded) == ["a", "too long"]
    assert np.array_equal(changed["a"], waveforms(ClipCache(), samples)["a"])
    (tmp_path / "a.wav").unlink()
    assert "a" not in waveforms(opened(), samples)


def test_channels_of_one_file_are_kept_apart(opened, tmp_path) -> None:
    sound = np.stack([np.full(8000, 0.5), np.full(8000, -0.25)], 1)
    soundfile.write(tmp_path / "call.wav", sound, 16_000, subtype="FLOAT")
    chosen = {"left": (0,), "right": (1,), "mean": ()}
    samples = [AudioSample(i, tmp_path / "call.wav", channels=c) for i, c in chosen.items()]
    for _ in range(2):
        heard = {i: float(w[len(w) // 2]) for i, w in waveforms(opened(), samples).items()}
        assert heard == pytest.approx({"left": 0.5, "right": -0.25, "mean": 0.125}, abs=1e-3)
