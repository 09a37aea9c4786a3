"""A noisy test set: at one ratio, with ids and columns as they were, and the same for everybody."""

import json

import numpy as np
import pytest
import soundfile
from mix_noise import mix_set

from audioforge.augmentations.recordings import find_recordings
from audioforge.errors import DatasetError
from audioforge_kit import speech_like

RATE = 16_000


@pytest.fixture
def clean(tmp_path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "noise").mkdir()
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"audio/{name}.wav", 0.1 * speech_like(0.5, name), RATE)
        sound = 0.1 * np.random.default_rng(ord(name)).standard_normal(RATE)
        soundfile.write(tmp_path / f"noise/{name}.wav", sound, RATE)
    return tmp_path / "test.jsonl"


def mixed(clean, output, *names):
    rows = [{"audio_filepath": f"audio/{n}.wav", "slots": {"size": n}, "id": n} for n in names]
    clean.write_text("".join(json.dumps(row) + "\n" for row in rows))
    count = mix_set(clean, find_recordings(clean.parent / "noise"), 10.0, output, seed=0)
    lines = [json.loads(line) for line in (output / "test.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == list(names)
    assert count == len(lines)
    return lines


def test_every_clip_has_noise_at_the_ratio_and_its_own_line(clean, tmp_path):
    for line in mixed(clean, tmp_path / "noisy", "a", "b"):
        assert line["slots"] == {"size": line["id"]}
        assert line["snr_db"] == 10
        assert line["noise"] in ("a", "b", "c")
        noisy, rate = soundfile.read(tmp_path / "noisy" / line["audio_filepath"])
        clip, _ = soundfile.read(clean.parent / f"audio/{line['id']}.wav")
        assert rate == RATE
        ratio = 10 * np.log10(np.mean(clip**2) / np.mean((noisy - clip) ** 2))
        assert ratio == pytest.approx(10, abs=0.1)


def test_a_clip_gets_the_same_noise_whatever_others_there_are(clean, tmp_path):
    one = mixed(clean, tmp_path / "one", "c")[0]
    two = mixed(clean, tmp_path / "two", "b", "c")[1]
    assert one == two
    sounds = [(tmp_path / n / "audio/c.flac").read_bytes() for n in ("one", "two")]
    assert sounds[0] == sounds[1]


def test_one_clip_cannot_stand_there_twice(clean, tmp_path):
    with pytest.raises(DatasetError, match=r"test.jsonl:2: audio/a.wav is not in .* or twice"):
        mixed(clean, tmp_path / "noisy", "a", "a")
