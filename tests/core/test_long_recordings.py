"""Long recordings: cut where nobody speaks, and counted where a model cannot take them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audioforge import long_recordings
from audioforge.audio import load_clip
from audioforge.cli import cli
from audioforge.errors import UsageError
from audioforge.long_recordings import Segment, count_longer, split_at_silence
from audioforge.sample import AudioSample
from audioforge_demo import assets

RATE = 16_000
PAUSE_SECONDS = 2.0


@pytest.fixture(scope="module")
def spoken() -> list[np.ndarray]:
    """Five sentences, 16 kHz."""
    lines = assets.source_heldout().read_text().splitlines()[1:6]
    paths = [assets.source_heldout().parent / json.loads(line)["audio_filepath"] for line in lines]
    return [load_clip(AudioSample(path.name, path), RATE).waveform for path in paths]


@pytest.fixture(scope="module")
def recording(spoken, tmp_path_factory) -> Path:
    """The sentences with pauses before, between and after them."""
    pytest.importorskip("onnxruntime")
    pause = np.zeros(round(PAUSE_SECONDS * RATE), np.float32)
    path = tmp_path_factory.mktemp("long") / "talk.flac"
    soundfile.write(path, np.concatenate([pause, *(w for s in spoken for w in (s, pause))]), RATE)
    return path


def test_every_sentence_is_in_one_part(recording, spoken):
    parts = split_at_silence(AudioSample("talk", recording), 30.0)
    assert len(parts) == len(spoken)
    begins = PAUSE_SECONDS
    for part, sentence in zip(parts, spoken, strict=True):
        length = len(sentence) / RATE
        heard = load_clip(
            AudioSample("p", recording, offset=part.offset, duration=part.duration), RATE
        )
        assert begins - 0.3 < part.offset < begins + 0.5
        assert part.offset + part.duration < begins + length + 0.6
        assert np.square(heard.waveform).sum() > 0.98 * np.square(sentence).sum()
        begins += length + PAUSE_SECONDS


def test_no_part_is_longer_than_asked_nor_overlaps(recording):
    parts = split_at_silence(AudioSample("talk", recording, offset=3.0, duration=8.0), 1.0)
    assert len(parts) > 3
    assert all(0 < part.duration <= 1.0 for part in parts)
    assert parts[0].offset >= 3.0
    assert parts[-1].offset + parts[-1].duration <= 11.0
    assert all(a.offset + a.duration <= b.offset + 1e-9 for a, b in pairwise(parts))


def test_parts_do_not_depend_on_the_blocks_that_are_decoded(recording, monkeypatch):
    whole = split_at_silence(AudioSample("talk", recording), 5.0)
    monkeypatch.setattr("audioforge.sound.libsndfile.BLOCK_VALUES", 5000)
    assert split_at_silence(AudioSample("talk", recording), 5.0) == whole


def test_where_nobody_speaks_there_are_no_parts():
    pytest.importorskip("onnxruntime")
    noise = np.random.default_rng(0).normal(0, 0.01, 3 * RATE).astype(np.float32)
    for sound in (noise, np.zeros(100, np.float32)):
        assert split_at_silence(AudioSample("x", sound, RATE), 30.0) == []


def test_short_pauses_stay_within_a_part(spoken):
    pytest.importorskip("onnxruntime")
    gap = np.zeros(RATE // 4, np.float32)
    close = np.concatenate([spoken[0], gap, spoken[1]])
    [part] = split_at_silence(AudioSample("x", close, RATE), 30.0)
    assert part.duration > 0.8 * len(close) / RATE
    assert len(split_at_silence(AudioSample("x", close, RATE), 2.5)) >= 2
    assert isinstance(part, Segment)


def test_without_the_detector_the_mend_is_named(recording, monkeypatch):
    long_recordings._detector.cache_clear()
    monkeypatch.setattr(long_recordings, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'audioforge\[vad\]'"):
        split_at_silence(AudioSample("talk", recording), 30.0)
    with pytest.raises(UsageError, match=r"Parts of 0\.5 s hold no sentence"):
        split_at_silence(AudioSample("talk", recording), 0.5)


def test_a_dry_run_counts_what_is_longer_than_the_window(recording, tmp_path):
    rows = [
        {"audio_filepath": str(recording), "text": "one", "offset": start, "duration": length}
        for start, length in ((2.0, 1.5), (0.0, 8.0), (4.0, 2.0))
    ]
    rows += [{"audio_filepath": str(recording), "text": "two", "id": "whole"}]
    (tmp_path / "talk.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["train", "--model", str(assets.model()), "--dataset", str(tmp_path / "talk.jsonl")]
    arguments += ["--eval-dataset", str(assets.target_heldout()), "--output", str(tmp_path / "run")]
    told = CliRunner().invoke(cli, [*arguments, "--dry-run", "--device", "cpu"])
    assert told.exit_code == 0, told.output
    expected = (
        f"train: {tmp_path / 'talk.jsonl'}: 2 of 4 clips are longer than the model's window of 5 s "
        f"and will be left out; cut recordings where nobody speaks: audioforge datasets convert "
        f"IN OUT --split-silence\n"
    )
    assert expected in told.stdout
    assert told.stdout.count("longer than the model's window") == 1


def test_clips_are_counted_by_what_their_files_state(recording, tmp_path):
    clips = [AudioSample("a", recording), AudioSample("b", recording, offset=1.0, duration=5.0)]
    clips += [AudioSample("gone", tmp_path / "gone.wav"), AudioSample("text", reference="to speak")]
    assert [count_longer(clips, window) for window in (4.9, 5.0, 100.0, None)] == [2, 1, 0, 0]
