"""Decoding: a good clip or an error that says which and why."""

import io
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from audioforge.audio import (
    ClipCancelled,
    ClipMissing,
    ClipTooLong,
    ClipTooShort,
    examine,
    load_clip,
)
from audioforge.errors import AudioError
from audioforge.sample import AudioSample
from audioforge.sound.libsndfile import BLOCK_VALUES

GOOD = {
    "clipped.wav": 16_000,
    "dc_offset.wav": 16_000,
    "eight_channels.wav": 16_000,
    "flac_renamed.wav": 16_000,
    "float_over_one.wav": 16_000,
    "good.flac": 16_000,
    "mono_16k.ogg": 16_000,
    "one_channel_silent.wav": 16_000,
    "one_sample.wav": 16_000,
    "pcm24_44k.wav": 44_100,
    "rate_11025_u8.wav": 11_025,
    "rate_192k.wav": 192_000,
    "rate_8k_ulaw.wav": 8_000,
    "silence_1s.wav": 16_000,
    "stereo_44k.mp3": 44_100,
    "stereo_48k.opus": 48_000,
    "ten_ms.wav": 16_000,
}
BAD = {
    "all_nan.wav": "NaN or infinite",
    "channels_zero.wav": "cannot be decoded",
    "corrupt_middle.flac": "cannot be decoded",
    "empty.flac": "cannot be decoded",
    "empty.wav": "cannot be decoded",
    "header_only.flac": "cannot be decoded",
    "nan_inf.wav": "NaN or infinite",
    "opposite_phase.wav": "its 2 channels cancel each other out",
    "random_bytes.flac": "cannot be decoded",
    "rate_zero.wav": "cannot be decoded",
    "text_renamed.wav": "cannot be decoded",
    "truncated.flac": "cannot be decoded",
    "truncated.wav": "15978 of 32000 bytes are there; the file is cut",
    "zero_length.wav": "the clip is empty",
}
UNSURE = {"huge_data_size.wav": 16_000, "odd_byte.wav": 15_999}
"""Headers that a writer to a pipe leaves, or a lost last byte: the frames that are there."""


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def loudest_hertz(waveform: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(spectrum.argmax() * rate / len(waveform))


@pytest.fixture
def write(tmp_path):
    def _write(name: str, samples: np.ndarray, rate: int, **options) -> AudioSample:
        soundfile.write(tmp_path / name, samples, rate, **options)
        return AudioSample("clip", tmp_path / name)

    return _write


@pytest.fixture(scope="session")
def bad(shared):
    return shared / "data" / "bad"


def test_every_unusual_file_is_decided_here(bad):
    files = {p.name for p in bad.iterdir() if p.suffix not in (".jsonl", ".md")}
    assert files - {"silence_3h.flac"} == GOOD.keys() | BAD.keys() | UNSURE.keys()


@pytest.mark.parametrize("name", GOOD)
def test_what_can_be_decoded_is_finite_mono_and_whole(bad, name):
    clip = load_clip(AudioSample("a", bad / name), 16_000)
    assert clip.waveform.dtype == np.float32
    assert clip.waveform.ndim == 1
    assert np.isfinite(clip.waveform).all()
    with soundfile.SoundFile(bad / name) as file:
        assert file.samplerate == GOOD[name]
        assert len(clip.waveform) == pytest.approx(file.frames * 16_000 / GOOD[name], abs=1)


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_is_an_error_with_name_and_reason(bad, name):
    with pytest.raises(AudioError) as raised:
        load_clip(AudioSample("a", bad / name), 16_000)
    message = str(raised.value)
    assert message.startswith(f"{bad / name}: ")
    assert BAD[name] in message
    assert len(message) > len(f"{bad / name}: cannot be decoded: ") or "empty" in message


@pytest.mark.parametrize("name", UNSURE)
def test_a_header_of_unknown_length_gives_what_is_there(bad, name):
    clip = load_clip(AudioSample("a", bad / name), 16_000)
    good = load_clip(AudioSample("a", bad / "good.flac"), 16_000).waveform
    np.testing.assert_array_equal(clip.waveform, good[: UNSURE[name]])


def test_the_same_sound_in_other_files(bad):
    good = load_clip(AudioSample("a", bad / "good.flac"), 16_000).waveform
    renamed = load_clip(AudioSample("a", bad / "flac_renamed.wav"), 16_000).waveform
    np.testing.assert_array_equal(renamed, good)
    half = load_clip(AudioSample("a", bad / "one_channel_silent.wav"), 16_000).waveform
    np.testing.assert_allclose(half, good[: len(half)] / 2, atol=1e-4)


def test_three_hours_are_refused_on_the_header(bad):
    path = bad / "silence_3h.flac"
    tracemalloc.start()
    try:
        with pytest.raises(
            ClipTooLong, match=r"silence_3h\.flac: 10800\.00 s is longer than .* 30 s"
        ):
            load_clip(AudioSample("a", path), 16_000, max_seconds=30)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10 * 2**20  # its sound would be 691 MB


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_any_rate_becomes_the_wanted_one_and_a_tone_stays_its_tone(write, rate):
    sample = write("a.wav", tone(1000, 1.5, rate), rate, subtype="FLOAT")
    clip = load_clip(sample, 16_000)
    assert len(clip.waveform) == pytest.approx(24_000, abs=1)
    assert clip.seconds == pytest.approx(1.5, abs=1e-3)
    assert loudest_hertz(clip.waveform, 16_000) == pytest.approx(1000, abs=1)
    assert np.sqrt(np.mean(clip.waveform**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_what_lies_above_the_new_band_is_filtered_not_folded(write):
    sample = write("a.wav", tone(12_000, 1, 48_000), 48_000, subtype="FLOAT")
    inside = load_clip(sample, 16_000).waveform[800:-800]
    assert np.abs(inside).max() < 0.005


def test_the_wanted_rate_is_left_untouched(write):
    samples = np.random.default_rng(0).uniform(-1, 1, 4000).astype(np.float32)
    clip = load_clip(write("a.wav", samples, 16_000, subtype="FLOAT"), 16_000)
    np.testing.assert_array_equal(clip.waveform, samples)


@pytest.mark.parametrize(
    ("name", "rate", "options"),
    [
        ("a.mp3", 44_100, {}),
        ("a.ogg", 16_000, {"format": "OGG", "subtype": "VORBIS"}),
        ("a.opus", 48_000, {"format": "OGG", "subtype": "OPUS"}),
        ("a.flac", 16_000, {}),
    ],
)
def test_compressed_stereo_from_a_file_and_from_memory(write, name, rate, options):
    stereo = np.stack([tone(440, 1, rate), tone(440, 1, rate)], axis=1)
    sample = write(name, stereo, rate, **options)
    clip = load_clip(sample, 16_000)
    assert clip.waveform.ndim == 1
    assert clip.seconds == pytest.approx(1, abs=0.1)
    assert loudest_hertz(clip.waveform[2000:14000], 16_000) == pytest.approx(440, abs=3)
    in_memory = load_clip(AudioSample("b", sample.audio.read_bytes()), 16_000)
    np.testing.assert_array_equal(in_memory.waveform, clip.waveform)


def test_a_recording_of_several_blocks_is_the_same_as_in_one_piece(write):
    values = np.random.default_rng(0).uniform(-0.5, 0.5, (BLOCK_VALUES // 2 + 777, 3))
    clip = load_clip(write("a.flac", values, 16_000), 16_000)
    whole, _ = soundfile.read(clip.sample.audio, dtype="float32")
    np.testing.assert_array_equal(clip.waveform, whole.mean(axis=1))


def test_examining_gives_length_rate_and_silence_without_resampling(write):
    facts = examine(write("a.wav", np.zeros((44_100, 2)), 44_100))
    assert (facts.seconds, facts.sampling_rate, facts.is_silent) == (1.0, 44_100, True)
    last = np.zeros(BLOCK_VALUES + 1)
    last[-1] = 0.1
    assert not examine(write("b.wav", last, 8_000)).is_silent
    array = examine(AudioSample("c", np.zeros(100), 1000))
    assert (array.seconds, array.is_silent) == (0.1, True)
    with pytest.raises(ClipTooShort):
        examine(AudioSample("d", np.zeros(0), 1000))


def test_only_channels_that_take_the_sound_away_are_refused(write):
    voice = tone(440, 1, 16_000)
    noise = np.random.default_rng(0).normal(0, 0.1, (16_000, 64))
    with pytest.raises(ClipCancelled, match="its 2 channels cancel"):
        load_clip(write("a.wav", np.stack([voice, -0.99 * voice], axis=1), 16_000), 16_000)
    load_clip(write("b.wav", np.stack([voice, -0.8 * voice], axis=1), 16_000), 16_000)
    load_clip(write("c.wav", noise, 16_000), 16_000)  # uncorrelated: 1/64 of the energy is left
    load_clip(write("d.wav", np.zeros((16_000, 2)), 16_000), 16_000)


def test_a_segment_of_any_length_has_an_end(write):
    audio = write("a.wav", tone(440, 1, 16_000), 16_000).audio
    for offset, duration in ((1e308, None), (0.0, 1e308), (0.5, 0.7)):
        with pytest.raises(AudioError, match="after the end of the file"):
            load_clip(AudioSample("a", audio, offset=offset, duration=duration), 16_000)
    inside = load_clip(AudioSample("a", audio, offset=0.5, duration=0.55), 16_000)
    assert inside.seconds == 0.5  # as time stamps are rounded


def test_channels_are_averaged():
    channels = np.stack([np.full(100, 0.2), np.full(100, 0.6)], axis=1)
    clip = load_clip(AudioSample("a", channels, 16_000), 16_000)
    np.testing.assert_allclose(clip.waveform, 0.4, rtol=1e-6)


def ramp_file(seconds: int = 4, rate: int = 1000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.arange(seconds * rate) / 10_000, rate, "FLOAT", format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("offset", "duration", "first", "last"),
    [
        (0.0, None, 0, 3999),
        (1.0, 0.5, 1000, 1499),
        (1.0, None, 1000, 3999),
        (0.0, 4.0, 0, 3999),
        (0.0, 0.5, 0, 499),
        (None, 0.5, 0, 3999),
    ],
)
def test_a_segment_is_cut_out_of_its_file(offset, duration, first, last):
    sample = AudioSample("a", ramp_file(), offset=offset, duration=duration)
    waveform = load_clip(sample, 1000).waveform
    assert round(waveform[0] * 10_000) == first
    assert round(waveform[-1] * 10_000) == last
    assert len(waveform) == last - first + 1


def test_a_segment_is_cut_out_of_an_array():
    sample = AudioSample("a", np.arange(4000) / 10_000, 1000, offset=1.0, duration=0.5)
    waveform = load_clip(sample, 1000).waveform
    assert (round(waveform[0] * 10_000), round(waveform[-1] * 10_000)) == (1000, 1499)


def test_the_window_holds_for_the_segment_not_for_the_file():
    sample = AudioSample("a", ramp_file(), offset=1.0, duration=0.5)
    assert load_clip(sample, 1000, max_seconds=0.5).seconds == 0.5
    with pytest.raises(ClipTooLong, match=r"a: 0\.50 s is longer .* window of 0\.4 s"):
        load_clip(sample, 1000, max_seconds=0.4)


def test_a_segment_after_the_end_is_an_error():
    with pytest.raises(AudioError, match=r"a: the segment starts at 9 s, after the end .*\(4 s\)"):
        load_clip(AudioSample("a", ramp_file(), offset=9.0), 1000)
    with pytest.raises(AudioError, match="a: the segment starts at 9 s, after the end"):
        load_clip(AudioSample("a", np.zeros(4000), 1000, offset=9.0), 1000)


@pytest.mark.parametrize("audio", [ramp_file(), np.arange(4000) / 10_000])
def test_a_segment_may_reach_past_the_end_by_a_rounding_only(audio):
    rounded = AudioSample("a", audio, 1000, offset=3.0, duration=1.05)
    assert len(load_clip(rounded, 1000).waveform) == 1000
    with pytest.raises(AudioError, match=r"a: the segment ends at 4\.5 s, after the end .*\(4 s\)"):
        load_clip(AudioSample("a", audio, 1000, offset=3.0, duration=1.5), 1000)


@pytest.mark.parametrize("audio", [ramp_file(), np.zeros(4000)])
@pytest.mark.parametrize("offset", [-1.0, float("nan"), float("inf")])
def test_an_offset_that_cannot_be_is_an_error(audio, offset):
    with pytest.raises(AudioError, match="a: "):
        load_clip(AudioSample("a", audio, 1000, offset=offset), 1000)


def test_the_window_is_inclusive_and_so_is_the_least_length():
    sample = AudioSample("a", np.zeros(1000), 1000)
    assert load_clip(sample, 1000, max_seconds=1.0, min_seconds=1.0).seconds == 1
    with pytest.raises(ClipTooLong):
        load_clip(sample, 1000, max_seconds=0.999)
    with pytest.raises(ClipTooShort, match=r"a: 1\.000 s is shorter than the 1\.001 s"):
        load_clip(sample, 1000, min_seconds=1.001)


def test_a_sample_that_resampling_swallows_is_too_short():
    with pytest.raises(ClipTooShort):
        load_clip(AudioSample("a", np.ones(1), 192_000), 8_000)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(ClipMissing, match=r"absent\.wav: there is no such file"):
        load_clip(AudioSample("a", tmp_path / "absent.wav"), 16_000)
    with pytest.raises(AudioError, match="a: there is no audio"):
        load_clip(AudioSample("a"), 16_000)
    with pytest.raises(AudioError, match="a: an array of samples needs its sampling rate"):
        load_clip(AudioSample("a", np.zeros(10)), 16_000)
    with pytest.raises(AudioError):
        load_clip(AudioSample("a", tmp_path), 16_000)
    with pytest.raises(AudioError):
        load_clip(AudioSample("a", b""), 16_000)


@given(st.binary(max_size=300), st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3"]))
def test_no_bytes_crash_it(noise, magic):
    try:
        clip = load_clip(AudioSample("a", magic + noise), 16_000, max_seconds=30)
    except AudioError:
        return
    assert np.isfinite(clip.waveform).all()
