"""Noise: at the ratio that is asked for, from any part of a recording, never beyond full scale."""

import json
import math

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audioforge import keyed_random
from audioforge.augmentations.noise import Noise, mix, ratio_range
from audioforge.errors import AudioError, ConfigError, PluginError
from audioforge.plugins import discover
from audioforge_kit import speech_like

RATE = 16_000


def white(seconds, key="noise", level=0.1):
    draw = keyed_random.generator(key)
    return (level * draw.standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    """`write(name, sound, rate)` puts a recording into the folder of noise and returns that."""
    folder = tmp_path / "noise"

    def _write(name="white.flac", sound=None, rate=RATE):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, white(3.0) if sound is None else sound, rate, subtype="PCM_16")
        return folder

    return _write


CLIP = (0.1 * speech_like(1.0)).astype(np.float32)  # so soft that nothing need be scaled down


def ratio_db(noisy, clip=CLIP):
    """The ratio of mean powers, where the noise was added and nothing scaled."""
    noise = noisy.astype(np.float64) - clip
    return 10 * math.log10(np.mean(np.square(clip, dtype=np.float64)) / np.mean(noise**2))


@pytest.mark.parametrize("snr_db", [-5.0, 5.0, 20.0])
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_the_ratio_is_what_was_asked_for(write, snr_db, rate):
    folder = write(sound=white(6.0), rate=rate)
    noisy = Noise(folder, str(snr_db)).augment(CLIP, RATE, keyed_random.generator("a"))
    assert ratio_db(noisy) == pytest.approx(snr_db, abs=0.1)


def test_ratios_are_drawn_from_all_of_the_range(write):
    noise = Noise(write(), "5-20")
    drawn = [
        ratio_db(noise.augment(CLIP, RATE, keyed_random.generator(number))) for number in range(60)
    ]
    assert 4.9 < min(drawn) < 6.5
    assert 18.5 < max(drawn) < 20.1


@settings(max_examples=25, deadline=None)
@given(
    level=st.floats(-90, 20),
    of_noise=st.floats(-90, 20),
    snr_db=st.floats(-30, 60),
    key=st.integers(),
)
def test_whatever_the_levels_it_is_finite_within_full_scale_and_as_loud_as_asked(
    level, of_noise, snr_db, key
):
    clip = white(0.05, f"clip {key}", 10 ** (level / 20))
    noise = white(0.05, key, 10 ** (of_noise / 20))
    noisy = mix(clip, noise, snr_db)
    assert noisy.dtype == np.float32
    assert np.abs(noisy).max() <= 1
    assert np.isfinite(noisy).all()
    gain = np.sqrt(np.mean(np.square(clip, dtype=float)) / np.mean(np.square(noise, dtype=float)))
    exact = clip.astype(float) + gain * 10 ** (-snr_db / 20) * noise
    np.testing.assert_allclose(noisy * max(1, np.abs(exact).max()), exact, rtol=1e-5, atol=1e-9)


def test_without_a_ratio_the_clip_stays_as_it_is(write):
    silence, clip = np.zeros(RATE, np.float32), speech_like(1.0)
    assert np.array_equal(mix(silence, white(1.0), 10), silence)
    assert np.array_equal(mix(clip, silence, 10), clip)
    assert not Noise(write()).augment(silence, RATE, keyed_random.generator("a")).any()


def test_a_short_recording_begins_again_at_its_end(write):
    click = np.zeros(1_000)
    click[100] = 0.5
    clip = white(0.5, "clip", 0.01)
    noisy = Noise(write(sound=click), "0").augment(clip, RATE, keyed_random.generator("a"))
    peaks = np.flatnonzero(np.abs(noisy - clip) > 0.05)
    assert len(peaks) == 8
    assert set(np.diff(peaks)) == {1_000}


def test_every_part_of_a_long_recording_is_used(write):
    # A recording that is louder and louder: its place can be read off the level before scaling.
    ramp = np.linspace(0, 0.9, 10 * RATE)
    noise, clip = Noise(write(sound=ramp), "0"), speech_like(1.0)
    starts = []
    for number in range(60):
        part = noise.augment(clip, RATE, keyed_random.generator(number)) - clip
        part = part[part > 0]
        starts.append(part[0] / (part[-1] - part[0]))  # in seconds, as it rises evenly
    assert min(starts) < 1
    assert max(starts) > 7.5


def test_every_recording_is_used_and_clips_may_be_left_as_they_are(write):
    for number in range(3):
        folder = write(f"below/{number}.wav", np.full(100, 0.1 * (-1) ** number * (number + 1)))
    clip = speech_like(0.2)
    draws = [keyed_random.generator(number) for number in range(40)]
    loudest = {float(np.sign((Noise(folder).augment(clip, RATE, d) - clip).mean())) for d in draws}
    assert loudest == {-1.0, 1.0}
    some = [Noise(folder, probability=0.5).augment(clip, RATE, d) for d in draws]
    assert 8 < sum(np.array_equal(sound, clip) for sound in some) < 32
    assert len(Noise(folder).sounds()) == 3


def test_hidden_files_and_folders_are_no_noise(write):
    write(".hidden/a.wav")
    write("._a.wav")
    assert [sound.audio.name for sound in Noise(write("a.wav")).sounds()] == ["a.wav"]


def test_a_manifest_names_recordings_and_parts_of_them(write):
    folder = write("a.flac", np.concatenate([np.zeros(RATE), white(1.0)]))
    lines = [{"audio_filepath": "a.flac", "offset": 1.0, "duration": 0.5}] * 2
    manifest = folder / "noise.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    noise = Noise(manifest, "10")
    assert len({sound.id for sound in noise.sounds()}) == 2
    for number in range(5):
        noisy = noise.augment(CLIP, RATE, keyed_random.generator(number))
        assert ratio_db(noisy) == pytest.approx(10, abs=0.1)
    manifest.write_text('{"audio_file": "a.flac"}\n')
    with pytest.raises(ConfigError, match=r"noise.jsonl:1: has no audio_filepath"):
        Noise(manifest)


def test_a_file_that_vanished_since_is_named(write):
    folder = write()
    noise = Noise(folder)
    (folder / "white.flac").unlink()
    with pytest.raises(AudioError, match=r"white.flac: there is no such file"):
        noise.augment(speech_like(1.0), RATE, keyed_random.generator("a"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"folder": "nowhere"}, "nowhere: there is no such folder or file"),
        ({"folder": "empty"}, "empty: holds no sound file"),
        ({"folder": "text"}, r"a.wav: cannot be decoded: it is no WAV.*leave it out"),
        ({"folder": "silent"}, "a.wav: holds nothing but silence"),
        ({"folder": "noise", "snr_db": "20-5"}, "snr_db '20-5': write the lower number first"),
        ({"folder": "noise", "snr_db": "loud"}, "snr_db 'loud' is neither a number of dB nor"),
        ({"folder": "noise", "snr_db": "nan"}, "snr_db 'nan' is neither"),
        ({"folder": "noise", "snr_db": "200"}, "from -100 to 100 dB"),
        ({"folder": "noise", "probability": 1.5}, "probability"),
        ({}, "noise.folder: required"),
    ],
)
def test_what_cannot_be_is_refused_at_once(write, monkeypatch, options, problem):
    folder = write()
    write("../silent/a.wav", np.zeros(100))
    write("../text/a.wav")
    (folder.parent / "text/a.wav").write_text("no sound")
    (folder.parent / "empty").mkdir()
    monkeypatch.chdir(folder.parent)
    with pytest.raises((ConfigError, PluginError), match=problem):
        discover("").create("augmentations", "noise", **options)


def test_ranges_as_people_write_them():
    assert ratio_range(" 5 - 20 ") == (5, 20)
    assert ratio_range("-10--5") == (-10, -5)
    assert ratio_range("7.5") == (7.5, 7.5)


def test_a_number_from_a_yaml_file_is_a_ratio_too(write):
    noise = discover("").create("augmentations", "noise", folder=str(write()), snr_db=10)
    noisy = noise.augment(CLIP, RATE, keyed_random.generator("a"))
    assert ratio_db(noisy) == pytest.approx(10, abs=0.1)
