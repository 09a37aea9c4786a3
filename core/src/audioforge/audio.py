"""Decoding: any sound file to float32 mono at the rate that a model wants.

soundfile decodes (WAV, FLAC, Ogg Vorbis and Opus, MP3), soxr resamples at its high quality. A
clip that cannot be used raises `AudioError` with its name and reason; nothing is cut silently.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path

import numpy as np
import soundfile
import soxr

from audioforge.errors import AudioError
from audioforge.sample import AudioSample, Clip

_WAV_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
"""How libsndfile's log of a header tells a WAV file that is shorter than it says."""

STREAMED_BYTES = 0x7FFF_0000
"""From this size on, a WAV header's data size only says that its writer did not know it."""


SEGMENT_SLACK_SECONDS = 0.1
"""How far a segment may reach past the end of its file, as rounded time stamps do."""


class ClipTooLong(AudioError):
    """The clip is longer than the model's window."""


class ClipTooShort(AudioError):
    """The clip is shorter than the model can take."""


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
    sampling_rate: int,
    *,
    max_seconds: float | None = None,
    min_seconds: float = 0.0,
) -> Clip:
    """Decode, mix to mono, and resample one sample.

    Args:
        sample: The sample.
        sampling_rate: Of the result, in Hz.
        max_seconds: Refuse a longer clip, without decoding it.
        min_seconds: Refuse a shorter clip.

    Raises:
        ClipTooLong: If the clip is longer than `max_seconds`.
        ClipTooShort: If the clip is empty or shorter than `min_seconds`.
        AudioError: If the clip cannot be decoded, holds NaN or infinite values, or its offset or
            duration cannot be.
    """
    if sample.audio is None:
        raise AudioError(f"{sample.origin}: there is no audio")
    for name, seconds in (("offset", sample.offset or 0.0), ("duration", sample.duration or 0.0)):
        if not (math.isfinite(seconds) and seconds >= 0):
            raise AudioError(f"{sample.origin}: {name} {seconds:g} is not seconds from 0 up")
    if isinstance(sample.audio, np.ndarray):
        samples, rate = _from_array(sample)
        _check_length(sample, len(samples) / rate, max_seconds, min_seconds)
    else:
        samples, rate = _decode(sample, max_seconds, min_seconds)
    if not np.isfinite(samples).all():
        raise AudioError(f"{sample.origin}: the audio holds NaN or infinite values")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    if rate != sampling_rate:
        mono = soxr.resample(mono, rate, sampling_rate)
    if len(mono) == 0:
        raise ClipTooShort(f"{sample.origin}: the clip is too short to hold one sample")
    return Clip(sample, np.ascontiguousarray(mono, dtype=np.float32), sampling_rate)


def _open(audio: Path | bytes) -> soundfile.SoundFile:
    if isinstance(audio, bytes):
        return soundfile.SoundFile(io.BytesIO(audio))
    with audio.open("rb"):  # says why it cannot be read; libsndfile says "System error"
        return soundfile.SoundFile(str(audio))


def _from_array(sample: AudioSample) -> tuple[np.ndarray, int]:
    if not sample.sampling_rate:
        raise AudioError(f"{sample.origin}: an array of samples needs its sampling rate")
    rate = sample.sampling_rate
    samples = np.asarray(sample.audio, dtype=np.float32)
    start, wanted = _segment(sample, len(samples), rate)
    return samples[start : start + wanted], rate


def _decode(
    sample: AudioSample, max_seconds: float | None, min_seconds: float
) -> tuple[np.ndarray, int]:
    """Read a file's segment; the length is checked on the header first, so that it stays cheap."""
    assert isinstance(sample.audio, Path | bytes)
    try:
        with _open(sample.audio) as file:
            _check_whole(sample, file)
            rate = file.samplerate
            start, wanted = _segment(sample, file.frames, rate)
            _check_length(sample, wanted / rate, max_seconds, min_seconds)
            file.seek(start)
            samples = file.read(wanted, dtype="float32")
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError) as error:
        raise AudioError(f"{sample.origin}: cannot be decoded: {_reason(error)}") from error
    if len(samples) < wanted:
        raise AudioError(
            f"{sample.origin}: cannot be decoded: {len(samples)} of {wanted} frames are there; "
            f"the file is cut or damaged"
        )
    return samples, rate


def _segment(sample: AudioSample, frames: int, rate: int) -> tuple[int, int]:
    """Return the first frame of the sample's part of a recording, and how many frames it has.

    Raises:
        AudioError: If the recording ends before the part does.
    """
    start = round((sample.offset or 0.0) * rate)
    if start and start >= frames:
        raise AudioError(
            f"{sample.origin}: the segment starts at {start / rate:g} s, after the end "
            f"of the file ({frames / rate:g} s)"
        )
    if sample.offset is None or sample.duration is None:
        return start, frames - start
    wanted = round(sample.duration * rate)
    if start + wanted > frames + SEGMENT_SLACK_SECONDS * rate:
        raise AudioError(
            f"{sample.origin}: the segment ends at {(start + wanted) / rate:g} s, after the end "
            f"of the file ({frames / rate:g} s)"
        )
    return start, min(wanted, frames - start)


def _check_whole(sample: AudioSample, file: soundfile.SoundFile) -> None:
    """Refuse a WAV file that was cut: libsndfile reads what is left of it as if it were whole."""
    found = _WAV_DATA.search(file.extra_info)
    if found is None:
        return
    promised, there = map(int, found.groups())
    if promised < STREAMED_BYTES and promised - there > 1:
        raise AudioError(
            f"{sample.origin}: cannot be decoded: {there} of {promised} bytes are there; the file "
            f"is cut"
        )


def _check_length(
    sample: AudioSample, seconds: float, max_seconds: float | None, min_seconds: float
) -> None:
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
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rsplit(": ", 1)[-1].strip() or type(error).__name__
