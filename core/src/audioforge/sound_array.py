"""Sound that a row holds itself: an array with its sampling rate, or an encoded file."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import soundfile

from audioforge.errors import AudioError
from audioforge.sample import AudioSample

RATE = ("sampling_rate", "sample_rate")
"""Names of the sampling rate, the usual one first."""

MOST_CHANNELS = 8
"""Rows of a two-dimensional array up to which it may be turned round: (channels, frames)."""


class ClipWithoutChannel(AudioError):
    """The clip's sound has no such channel."""

    kind = "missing channel"


def float_samples(value: Any) -> np.ndarray:
    """Return sound as float32 samples of its own memory, from -1 to 1 where they were int16.

    Args:
        value: Anything that NumPy makes an array of shape (frames,), (frames, channels), or, as
            torchaudio has it, (channels, frames).

    Raises:
        ValueError: If it is no such array, saying what it must be.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged, or a tensor on a GPU
        raise ValueError(f"is no array of numbers: {error}") from error
    if array.dtype == np.int16:
        samples = array.astype(np.float32) / 2**15
    elif np.issubdtype(array.dtype, np.floating):
        samples = array.astype(np.float32)
    else:
        raise ValueError(f"must be float samples from -1 to 1, or int16, not {array.dtype}")
    if samples.ndim not in (1, 2):
        raise ValueError(f"must be (frames,), not of shape {samples.shape}")
    if samples.ndim == 2 and samples.shape[0] <= MOST_CHANNELS < samples.shape[1]:
        samples = np.ascontiguousarray(samples.T)
    return samples


def seconds_of(sound: np.ndarray | bytes, rate: int | None) -> float:
    """Return the length in seconds of sound in memory; 0 of what cannot be read.

    Args:
        sound: Samples of shape (frames,) or (frames, channels), or an encoded file.
        rate: Sampling rate of samples, in Hz.
    """
    if not isinstance(sound, bytes):
        return len(sound) / rate if rate else 0.0
    try:
        return float(soundfile.info(io.BytesIO(sound)).duration)
    except (soundfile.SoundFileError, ValueError, OSError):
        return 0.0


def rate_of(value: Any) -> int:
    """Return the sampling rate of an array, in Hz.

    Raises:
        ValueError: If it is none, saying so.
    """
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        said = "which is not there" if value is None else f"not {value!r:.60}"
        raise ValueError(f"is an array, which needs 'sampling_rate' in Hz, {said}")
    return int(value)


def chosen_channels(sample: AudioSample, samples: np.ndarray) -> np.ndarray:
    """Return the channels of a recording that the sample is of.

    Raises:
        ClipWithoutChannel: If the recording has fewer.
    """
    there = 1 if samples.ndim == 1 else samples.shape[1]
    if missing := [number for number in sample.channels if number >= there]:
        has = "1 channel" if there == 1 else f"{there} channels"
        raise ClipWithoutChannel(
            f"{sample.origin}: there is no channel {missing[0]}: the sound has {has}, and they are "
            f"numbered from 0"
        )
    return samples[:, list(sample.channels)] if sample.channels and samples.ndim == 2 else samples
