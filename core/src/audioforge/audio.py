"""Decoding: any sound file to float32 mono at the rate that a model wants.

`sound/` opens files (libsndfile decodes, or PyAV what libsndfile does not know), soxr resamples at
its high quality. A clip that cannot be used raises `AudioError` with its name and reason; nothing
is cut silently, and nothing is held in memory but the clip itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from attrs import frozen

from audioforge.errors import AudioError
from audioforge.files.near_paths import said_of_near
from audioforge.sample import AudioSample, Clip
from audioforge.sound.joined import Sound
from audioforge.sound.opening import open_sound
from audioforge.sound.splice import CutShortError
from audioforge.sound_array import chosen_channels

SEGMENT_SLACK_SECONDS = 0.1
"""How far a segment may reach past the end of its file, as rounded time stamps do."""


CANCELLED = 1e-3
"""Share of its channels' energy from which on a mix counts as sound. Uncorrelated channels keep
1 / channels of it; a channel and its negative keep nothing."""

_PLAIN = {
    "Format not recognised": "it is no WAV, FLAC, Ogg, Opus, MP3, AIFF or AU file",
    "SF_INFO struct incomplete": "its header states a sampling rate of 0 or nothing at all",
    "Internal psf_fseek() failed": "there is a header and no sound after it",
    "flac decoder lost sync": "the file is cut or damaged (flac decoder lost sync)",
}
"""What libsndfile says, in words that somebody can act on."""


LOUDEST = 64.0
"""Louder than full scale by 36 dB: a file of whole numbers that were kept as floats, or damage."""

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 1_000, 1_000_000
"""Outside of what records sound, from hearts to bats. Resampling from any rate to any other would
make gigabytes of a short file."""


class ClipTooLong(AudioError):
    """The clip is longer than the model's window."""

    kind = "too long"


class ClipTooShort(AudioError):
    """The clip is shorter than the model can take."""

    kind = "too short"


class ClipMissing(AudioError):
    """There is no such file."""

    kind = "missing audio"


class ClipCutShort(AudioError):
    """The file ends before its sound does, or goes on after what can be read of it."""

    kind = "cut short"


class ClipCancelled(AudioError):
    """The channels of the clip cancel each other out when they are mixed to one."""

    kind = "cancelled out"


@frozen
class Facts:
    """What a clip is.

    Attributes:
        seconds: Length of the clip.
        sampling_rate: Sampling rate of the clip's file, in Hz.
        channels: How many channels the file has.
        is_silent: Whether every value of the waveform is 0; None where it was not decoded.
    """

    seconds: float
    sampling_rate: int
    channels: int
    is_silent: bool | None


def check_rate(clip: Clip, sampling_rate: int) -> None:
    """Check that a clip is at the rate, in Hz, that a model reads.

    Raises:
        AudioError: If it is not.
    """
    if clip.sampling_rate != sampling_rate:
        raise AudioError(
            f"{clip.sample.origin}: the clip is at {clip.sampling_rate} Hz; resample it to "
            f"{sampling_rate} Hz."
        )


def load_clip(
    sample: AudioSample,
    sampling_rate: int | None,
    *,
    max_seconds: float | None = None,
    min_seconds: float = 0.0,
) -> Clip:
    """Decode, mix to mono, and resample one sample.

    Args:
        sample: The sample.
        sampling_rate: Sampling rate of the result, in Hz; None for the sample's own.
        max_seconds: Refuse a longer clip, without decoding it.
        min_seconds: Refuse a shorter clip.

    Raises:
        ClipTooLong: If the clip is longer than `max_seconds`.
        ClipTooShort: If the clip is empty or shorter than `min_seconds`.
        ClipMissing: If there is no such file.
        ClipCancelled: If its channels cancel each other out.
        AudioError: If the clip cannot be decoded, holds NaN or infinite values, or its offset or
            duration cannot be.
    """
    _check_stated(sample)
    if isinstance(sample.audio, np.ndarray):
        mono, rate = _from_array(sample)
        check_length(sample, len(mono) / rate, max_seconds, min_seconds)
    else:
        mono, rate = _decode(sample, max_seconds, min_seconds)
    wanted = rate if sampling_rate is None else sampling_rate
    if rate != wanted:
        mono = soxr.resample(mono, rate, wanted)
    if len(mono) == 0:
        raise ClipTooShort(f"{sample.origin}: the clip is too short to hold one sample")
    return Clip(sample, np.ascontiguousarray(mono, dtype=np.float32), wanted)


def stated_seconds(sample: AudioSample) -> float:
    """Return the length of a clip in seconds, as the header of its file states it.

    Raises:
        AudioError: If the file cannot be opened, its header cannot be, or it is empty.
    """
    _check_stated(sample)
    if isinstance(sample.audio, np.ndarray):
        mono, rate = _from_array(sample)
        return len(mono) / rate
    with _opened(sample) as file:
        _, wanted = _part(sample, file)
        check_length(sample, wanted / file.samplerate, None, 0.0)
        return float(wanted / file.samplerate)


def examine(sample: AudioSample, *, decode: bool = True) -> Facts:
    """Decode a clip in full without keeping it, in a few megabytes whatever its length.

    Args:
        sample: The clip.
        decode: Whether to; otherwise only what the header of its file states is read.

    Raises:
        AudioError: As `load_clip` does.
    """
    _check_stated(sample)
    if isinstance(sample.audio, np.ndarray):
        mono, rate = _from_array(sample)
        check_length(sample, len(mono) / rate, None, 0.0)
        return Facts(len(mono) / rate, rate, _channels(sample.audio), not mono.any())
    with _opened(sample) as file:
        start, wanted = _part(sample, file)
        check_length(sample, wanted / file.samplerate, None, 0.0)
        silent = None
        if decode:
            silent = not sum(block.any() for block in _mono_blocks(sample, file, start, wanted))
        return Facts(wanted / file.samplerate, file.samplerate, file.channels, silent)


def _channels(samples: np.ndarray) -> int:
    return int(samples.shape[1]) if samples.ndim == 2 else 1


def resampled_blocks(sample: AudioSample, sampling_rate: int) -> Iterator[np.ndarray]:
    """Yield a clip block by block, mono at a rate in Hz, in a few megabytes whatever its length.

    Raises:
        AudioError: As `load_clip` does.
    """
    if isinstance(sample.audio, np.ndarray):
        yield load_clip(sample, sampling_rate).waveform
        return
    _check_stated(sample)
    with _opened(sample) as file:
        start, wanted = _part(sample, file)
        check_length(sample, wanted / file.samplerate, None, 0.0)
        resampler = soxr.ResampleStream(file.samplerate, sampling_rate, 1, dtype="float32")
        for block in _mono_blocks(sample, file, start, wanted):
            yield resampler.resample_chunk(np.ascontiguousarray(block))
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _check_stated(sample: AudioSample) -> None:
    if sample.audio is None:
        raise AudioError(f"{sample.origin}: there is no audio")
    for name, seconds in (("offset", sample.offset or 0.0), ("duration", sample.duration or 0.0)):
        if not (math.isfinite(seconds) and seconds >= 0):
            raise AudioError(f"{sample.origin}: {name} {seconds:g} is not seconds from 0 up")


def _from_array(sample: AudioSample) -> tuple[np.ndarray, int]:
    if not sample.sampling_rate:
        raise AudioError(f"{sample.origin}: an array of samples needs its sampling rate")
    rate = sample.sampling_rate
    samples = _as_floats(np.asarray(sample.audio))
    if samples.ndim not in (1, 2):
        raise AudioError(
            f"{sample.origin}: samples of shape {samples.shape} are neither (frames,) nor (frames, "
            f"channels)"
        )
    start, wanted = _segment(sample, len(samples), rate)
    samples = chosen_channels(sample, samples[start : start + wanted])
    _check_values(sample, samples)
    return samples if samples.ndim == 1 else samples.mean(axis=1), rate


def _as_floats(samples: np.ndarray) -> np.ndarray:
    """Return samples as float32 with full scale 1; whole numbers have that of their type."""
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / np.float32(-float(np.iinfo(samples.dtype).min))
    return np.asarray(samples, np.float32)


def _decode(
    sample: AudioSample, max_seconds: float | None, min_seconds: float
) -> tuple[np.ndarray, int]:
    """Read a file's part; the length is checked on the header first, so that it stays cheap."""
    with _opened(sample) as file:
        start, wanted = _part(sample, file)
        check_length(sample, wanted / file.samplerate, max_seconds, min_seconds)
        mono = np.empty(wanted, np.float32)
        there = 0
        for block in _mono_blocks(sample, file, start, wanted):
            mono[there : there + len(block)] = block
            there += len(block)
        return mono, file.samplerate


@contextmanager
def _explained(sample: AudioSample) -> Iterator[None]:
    """Turn what goes wrong while a file is decoded into an `AudioError` with a plain reason."""
    try:
        yield
    except FileNotFoundError as error:
        near = said_of_near(sample.audio) if isinstance(sample.audio, Path) else ""
        raise ClipMissing(f"{sample.origin}: there is no such file{near}") from error
    except CutShortError as error:
        raise ClipCutShort(f"{sample.origin}: cannot be decoded: {error}") from error
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError) as error:
        raise AudioError(f"{sample.origin}: cannot be decoded: {_reason(error)}") from error


@contextmanager
def _opened(sample: AudioSample) -> Iterator[Sound]:
    """Open a sample's file, and close it afterwards."""
    assert isinstance(sample.audio, Path | bytes)
    with _explained(sample), closing(open_sound(sample.audio)) as sound:
        yield sound


def _part(sample: AudioSample, file: Sound) -> tuple[int, int]:
    if not LOWEST_RATE_HZ <= file.samplerate <= HIGHEST_RATE_HZ:
        raise AudioError(
            f"{sample.origin}: a sampling rate of {file.samplerate} Hz is none of sound; the file "
            f"is damaged"
        )
    return _segment(sample, file.frames, file.samplerate)


def _mono_blocks(sample: AudioSample, file: Sound, start: int, wanted: int) -> Iterator[np.ndarray]:
    """Yield a file's part with its channels mixed to one, block by block.

    Raises:
        AudioError: If frames are missing, are no finite numbers, or cancel each other out.
    """
    there, mixed, of_mix, of_channels = 0, 0, 0.0, 0.0
    for block in file.blocks(start, wanted):
        there += len(block)
        block = chosen_channels(sample, block)
        _check_values(sample, block)
        mixed = block.shape[1]
        mono = block[:, 0] if mixed == 1 else block.mean(axis=1)
        if mixed > 1:
            of_mix += float(np.square(mono, dtype=np.float64).sum())
            of_channels += float(np.square(block, dtype=np.float64).sum()) / mixed
        yield mono
    if there < wanted:
        raise ClipCutShort(
            f"{sample.origin}: cannot be decoded: {there} of {wanted} frames are there; the "
            f"file is cut or damaged"
        )
    if of_mix < CANCELLED * of_channels:
        raise ClipCancelled(
            f"{sample.origin}: its {mixed} channels cancel each other out when they are mixed to "
            f"one; turn one of them over, or keep one"
        )


def _check_values(sample: AudioSample, samples: np.ndarray) -> None:
    if not np.isfinite(samples).all():
        raise AudioError(f"{sample.origin}: the audio holds NaN or infinite values")
    loudest = float(np.abs(samples).max(initial=0.0))
    if loudest > LOUDEST or (loudest > 1 and not np.remainder(samples, 1).any()):
        scale = next(
            (f" of {bits} bits" for bits in (16, 24, 32) if loudest <= 2.0 ** (bits - 1)), ""
        )
        raise AudioError(
            f"{sample.origin}: the audio holds samples of {loudest:.7g}, where full scale is "
            f"1: whole numbers{scale} kept as floats, or damage; write it with full scale 1"
        )


def _segment(sample: AudioSample, frames: int, rate: int) -> tuple[int, int]:
    """Return the first frame of the sample's part of a recording, and how many frames it has.

    Raises:
        AudioError: If the recording ends before the part does.
    """
    offset, length = sample.offset or 0.0, frames / rate
    if offset and offset >= length:
        raise AudioError(
            f"{sample.origin}: the segment starts at {offset:g} s, after the end "
            f"of the file ({length:g} s); times are in seconds, from the start of this file"
        )
    start = min(round(offset * rate), frames)
    if sample.offset is None or sample.duration is None:
        return start, frames - start
    wanted = round(min(sample.duration, length + 1) * rate)  # 1e308 s have no number of frames
    if start + wanted > frames + SEGMENT_SLACK_SECONDS * rate:
        raise AudioError(
            f"{sample.origin}: the segment ends at {offset + sample.duration:g} s, after the end "
            f"of the file ({length:g} s)"
        )
    return start, min(wanted, frames - start)


def check_length(
    sample: AudioSample, seconds: float, max_seconds: float | None, min_seconds: float
) -> None:
    """Check that a clip is as long as a model takes it.

    Args:
        sample: The clip, for the message.
        seconds: Its length.
        max_seconds: The longest that is taken; None for any.
        min_seconds: The shortest; an empty one is never taken.

    Raises:
        ClipTooLong: If it is longer.
        ClipTooShort: If it is shorter.
    """
    if max_seconds is not None and seconds > max_seconds:
        raise ClipTooLong(
            f"{sample.origin}: {seconds:.2f} s is longer than the model's window of "
            f"{max_seconds:g} s; cut the clip into shorter ones"
        )
    if seconds <= 0 or seconds < min_seconds:
        raise ClipTooShort(
            f"{sample.origin}: {seconds:.3f} s is shorter than the {max(min_seconds, 0):g} s "
            f"that the model needs"
            if min_seconds
            else f"{sample.origin}: the clip is empty"
        )


def _reason(error: Exception) -> str:
    """Return the part of an error that says something a user can act on."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ValueError):
        return str(error) or type(error).__name__
    reason = str(error).rsplit(": ", 1)[-1].strip().rstrip(".")
    return _PLAIN.get(reason, reason) or type(error).__name__
