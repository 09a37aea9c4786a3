"""`quality`: each measure falls under its own degradation, and nothing that is no speech passes."""

import json
import math
import tracemalloc
from itertools import combinations, pairwise

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from audioforge.audio import load_clip
from audioforge.errors import ConfigError
from audioforge.sample import AudioSample, Hypothesis
from audioforge_verifiers.quality import Quality

RATE = 16_000
SECONDS = np.arange(2 * RATE) / RATE
NOISE = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)


@pytest.fixture(scope="module")
def quality(create_tts):
    return create_tts("quality")


@pytest.fixture(scope="module")
def curve(quality, judge, degradations):
    """`curve(waveform, "noise")` gives the scores at every level of a degradation."""

    def _curve(waveform, degradation):
        levels = degradations.grid(waveform, RATE, "key")[degradation]
        return [judge(quality, degrade()) for _, degrade in levels]

    return _curve


@pytest.mark.parametrize(
    ("degradation", "metric", "sign"),
    [
        ("noise", "snr_db", -1),
        ("clipping", "clipped_share", 1),
        ("clipping", "crest_db", -1),
        ("low-pass", "bandwidth_hz", -1),
        ("silence", "silence_share", 1),
    ],
)
def test_a_measure_gets_worse_with_its_own_degradation(
    curve, speech_like, degradation, metric, sign
):
    scores = curve(speech_like, degradation)
    values = [sign * score.metrics[metric] for score in scores]
    assert all(better < worse for better, worse in pairwise(values)), values
    rewards = [score.reward for score in scores]
    assert all(better > worse for better, worse in pairwise(rewards)), rewards


@pytest.mark.parametrize("snr_db", [20, 10, 0])
def test_the_ratio_of_signal_to_noise_is_in_decibels(
    quality, judge, degradations, speech_like, snr_db
):
    noisy = degradations.with_noise(speech_like, snr_db, "key")
    assert judge(quality, noisy).metrics["snr_db"] == pytest.approx(snr_db, abs=3)


def test_shares_and_frequencies_are_what_they_say(quality, judge, degradations, speech_like):
    clean = judge(quality, speech_like).metrics["silence_share"]
    half = judge(quality, degradations.padded(speech_like, 0.5)).metrics["silence_share"]
    assert half == pytest.approx((1 + clean) / 2, abs=0.03)
    cut = judge(quality, degradations.clipped(speech_like, 0.05)).metrics["clipped_share"]
    assert 0.05 <= cut <= 0.05 / (1 - clean) + 0.01
    assert judge(quality, degradations.clipped(speech_like, 0.05)).reward > 0.3
    assert judge(quality, degradations.clipped(speech_like, 0.2)).reward == 0.0
    low = judge(quality, degradations.low_passed(speech_like, 4000, RATE)).metrics["bandwidth_hz"]
    assert low == pytest.approx(4000, abs=300)


@pytest.mark.parametrize("rate", [8000, 22_050, 24_000, 48_000])
def test_what_is_cut_off_at_another_sampling_rate_is_heard(
    quality, judge, degradations, speech_like, rate
):
    generated = soxr.resample(speech_like, RATE, rate)
    whole = judge(quality, generated, rate)
    assert whole.metrics["clipped_share"] < 0.01
    for share in (0.2, 0.5):
        cut = degradations.clipped(generated, share) / 4
        assert judge(quality, cut, rate).reward == 0.0
        cut[len(cut) // 2] *= 1.05  # one sample beyond it hides nothing
        assert judge(quality, cut, rate).reward == 0.0


def test_clicks_between_silence_are_not_cut_off(quality, judge):
    clicks = np.zeros(48_000, np.float32)
    clicks[::4800] = 0.5
    assert judge(quality, clicks, 48_000).metrics["clipped_share"] < 0.01


def test_real_recordings_are_ranked(curve, shared):
    manifest = shared / "data/speech/manifest.jsonl"
    lines = manifest.read_text(encoding="utf-8").splitlines()[::5]
    right = total = 0
    for line in lines:
        path = manifest.parent / json.loads(line)["audio_filepath"]
        waveform = load_clip(AudioSample(path.name, audio=path), RATE).waveform
        for degradation in ("noise", "clipping", "low-pass", "silence"):
            pairs = list(combinations([s.reward for s in curve(waveform, degradation)], 2))
            right += sum(better > worse for better, worse in pairs)
            total += len(pairs)
    assert total == 30 * len(lines)
    assert right / total >= 0.95


@pytest.mark.parametrize(
    ("audio", "highest"),
    [
        pytest.param(np.zeros(2 * RATE), 0, id="silence"),
        pytest.param(NOISE * 1e-5, 0, id="all but silence"),
        pytest.param(np.full(2 * RATE, 0.5), 0, id="offset"),
        pytest.param(NOISE, 0.05, id="white noise"),
        pytest.param(np.cumsum(NOISE) / 100, 0.05, id="brown noise"),
        pytest.param(np.sin(440 * 2 * np.pi * SECONDS), 0.05, id="tone"),
        pytest.param(np.sign(np.sin(100 * 2 * np.pi * SECONDS)), 0.05, id="square wave"),
        pytest.param(np.eye(1, 2 * RATE, RATE)[0], 0.05, id="one click"),
        pytest.param(NOISE * (np.sin(3 * 2 * np.pi * SECONDS) > 0), 0.45, id="bursts of noise"),
        pytest.param(np.sign(NOISE), 0.05, id="noise at full scale"),
        pytest.param(NOISE[:100], 0, id="6 ms"),
    ],
)
def test_what_is_no_speech_does_not_pass(quality, judge, audio, highest):
    score = judge(quality, audio.astype(np.float32))
    assert score.reward <= highest
    assert score.passed is False


@pytest.mark.parametrize(
    "audio",
    [
        pytest.param(np.zeros(0, np.float32), id="empty"),
        pytest.param(np.zeros((0, 2), np.float32), id="empty stereo"),
        pytest.param(np.full(RATE, np.nan, np.float32), id="NaN"),
        pytest.param(np.append(NOISE, np.inf).astype(np.float32), id="infinite"),
    ],
)
def test_broken_audio_is_bad_output(quality, judge, audio):
    score = judge(quality, audio)
    assert (score.reward, score.passed, dict(score.metrics)) == (0.0, False, {})


def test_without_audio_there_is_nothing_to_judge(quality, judge, tmp_path):
    for hypothesis in (None, tmp_path / "missing.wav"):
        score = judge(quality, hypothesis, None)
        assert (score.reward, score.passed) == (None, None)


def test_a_file_that_does_not_decode_is_bad_output(quality, judge, tmp_path):
    (tmp_path / "text.wav").write_text("not sound")
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "no_frames.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    for name in ("text.wav", "empty.wav", "no_frames.wav", "nan.wav"):
        assert judge(quality, tmp_path / name, None).reward == 0.0, name


def test_files_rates_channels_and_levels_change_little(quality, judge, speech_like, tmp_path):
    waveform = speech_like
    plain = judge(quality, waveform)
    soundfile.write(tmp_path / "a.flac", waveform, RATE, subtype="PCM_24")
    at_48_khz = soxr.resample(waveform, RATE, 48_000)
    same = {
        "file": judge(quality, tmp_path / "a.flac", None),
        "8 channels": judge(quality, np.repeat(waveform[:, None], 8, axis=1)),
        "48 kHz": judge(quality, at_48_khz, 48_000),
        "quiet": judge(quality, waveform * np.float32(0.01)),
    }
    for name, score in same.items():
        assert score.reward == pytest.approx(plain.reward, abs=0.02), name
    narrow = judge(quality, soxr.resample(waveform, RATE, 8000), 8000)
    assert narrow.metrics["bandwidth_hz"] <= 4100
    assert narrow.reward < plain.reward


def test_short_and_long_clips_are_judged(quality, judge, speech_like):
    waveform = speech_like
    long = np.tile(waveform, math.ceil(30 * RATE / len(waveform)))[: 30 * RATE]
    assert judge(quality, long).reward == pytest.approx(judge(quality, waveform).reward, abs=0.1)
    loudest = int(np.abs(waveform).argmax())
    short = judge(quality, waveform[max(0, loudest - 800) :][:1600])
    assert 0 <= short.reward <= 1


def test_a_recording_of_hours_is_not_judged_and_not_read(quality, judge, tmp_path):
    path = tmp_path / "hour.flac"
    soundfile.write(path, np.zeros(RATE * 3600, np.int16), RATE)
    tracemalloc.start()
    score = judge(quality, path, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (score.reward, score.metrics) == (None, {})
    assert peak < 20e6


def test_too_loud_is_clipped_as_when_it_is_played(quality, judge, speech_like):
    waveform = speech_like / np.abs(speech_like).max()
    within, beyond = judge(quality, waveform), judge(quality, waveform * 4)
    assert beyond.metrics["clipped_share"] > within.metrics["clipped_share"] + 0.01
    assert beyond.reward < within.reward


@pytest.mark.parametrize("offset", [0.01, 0.1, 0.3])
def test_an_offset_does_not_pay(quality, judge, speech_like, offset):
    speech = np.append(speech_like / 2, np.zeros(RATE, np.float32))
    either_way = np.repeat(np.float32([offset, -offset]), [RATE, len(speech) - RATE])
    plain = judge(quality, speech)
    for moved in (speech + np.float32(offset), speech + either_way):
        score = judge(quality, moved)
        assert score.reward < plain.reward + 0.01
        assert score.metrics["silence_share"] == pytest.approx(
            plain.metrics["silence_share"], abs=0.05
        )


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_any_amplitude_is_judged(quality, judge, rate):
    channels = np.float32([3e38, 3e38, -3e38, -3e38])[
        np.random.default_rng(0).permuted(np.tile(np.arange(4), (RATE, 1)), axis=1)
    ]
    assert 0 <= judge(quality, channels, rate).reward <= 1


def test_a_batch_is_its_parts_and_instances_travel(quality, judge, speech_like, travelled):
    strict = travelled(Quality(threshold=1.0))
    audio = [speech_like, speech_like[:RATE], NOISE.astype(np.float32)]
    hypotheses = [Hypothesis(audio=a, sampling_rate=RATE) for a in audio]
    batch = strict.verify([AudioSample("a")] * len(audio), hypotheses)
    assert [s.reward for s in batch] == [judge(quality, a).reward for a in audio]
    assert not any(score.passed for score in batch)


def test_a_narrow_band_can_be_full_marks(create_tts, judge, speech_like):
    narrow = soxr.resample(speech_like, RATE, 8000)
    strict, telephone = create_tts("quality"), create_tts("quality:full_bandwidth_hz=4000")
    assert judge(telephone, narrow, 8000).reward > judge(strict, narrow, 8000).reward


@pytest.mark.parametrize("option", ["threshold=2", "full_bandwidth_hz=0", "full_bandwidth_hz=9000"])
def test_wrong_options_are_named(create_tts, option):
    with pytest.raises(ConfigError, match=option.partition("=")[0]):
        create_tts(f"quality:{option}")


WAVEFORMS = arrays.arrays(
    np.float32, st.integers(0, 3000), elements=st.floats(-2, 2, width=32) | st.just(math.nan)
)


@given(audio=WAVEFORMS)
def test_any_samples_have_a_reward(audio):
    score = Quality().verify([AudioSample("a")], [Hypothesis(audio=audio, sampling_rate=RATE)])[0]
    assert 0 <= score.reward <= 1
    assert all(math.isfinite(value) for value in score.metrics.values())
