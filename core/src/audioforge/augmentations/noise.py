"""Noise from recordings, mixed into a clip at a ratio that is drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import evolve, field, frozen
from attrs.validators import ge, le

from audioforge.audio import load_clip, stated_seconds
from audioforge.augmentation import Augmentation
from audioforge.augmentations.recordings import find_recordings
from audioforge.sample import AudioSample

QUIETEST_DB, LOUDEST_DB = -100.0, 100.0
"""Ratios outside of these leave nothing of the clip, or nothing of the noise, in 16 bits."""

SLACK_SECONDS = 0.01
"""How much more of a recording is read than is needed: resampling rounds its length."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*(?:-\s*({_NUMBER})\s*)?")


def ratio_range(text: str) -> tuple[float, float]:
    """Return the lowest and the highest ratio that a text states, in dB.

    >>> ratio_range("5-20"), ratio_range("10"), ratio_range("-5-0")
    ((5.0, 20.0), (10.0, 10.0), (-5.0, 0.0))

    Raises:
        ValueError: If it states none.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"snr_db {text!r} is neither a number of dB nor a range such as 5-20")
    low, high = float(found[1]), float(found[2] or found[1])
    if not QUIETEST_DB <= low <= high <= LOUDEST_DB:
        raise ValueError(
            f"snr_db {text!r}: write the lower number first, both from {QUIETEST_DB:g} to "
            f"{LOUDEST_DB:g} dB"
        )
    return low, high


def mix(clip: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Return a clip with noise at a ratio of mean powers, 10 log10(P_clip / P_noise).

    Both powers are means over all frames, pauses included. What then goes beyond ±1 is scaled down
    as a whole, which leaves the ratio as it is; nothing is clipped. Where the clip or the noise is
    silent there is no ratio, and the clip is returned as it is.

    Args:
        clip: float32, shape (frames,).
        noise: Of the same shape.
        snr_db: The ratio in dB.

    Returns:
        float32, shape (frames,).
    """
    of_clip, of_noise = _rms(clip), _rms(noise)
    if not (of_clip and of_noise):
        return clip
    gain = of_clip / of_noise * 10 ** (-snr_db / 20)
    mixed = clip.astype(np.float64) + gain * noise.astype(np.float64)
    loudest = float(np.abs(mixed).max())
    return (mixed / max(1.0, loudest)).astype(np.float32)


def _rms(waveform: np.ndarray) -> float:
    return math.sqrt(float(np.mean(np.square(waveform, dtype=np.float64)))) if len(waveform) else 0


def _stated_range(_: object, __: object, text: str) -> None:
    ratio_range(text)


@frozen
class NoiseOptions:
    """Options of `noise`: the keyword arguments of the augmentation.

    Attributes:
        folder: Folder with sound files of noise, also in folders below it; or one sound file, or a
            manifest (.jsonl) whose lines name them.
        snr_db: Ratio of the clip's mean power to the noise's, in dB: one number, or a range such as
            5-20, of which every clip draws.
        probability: Part of the clips that get noise.
    """

    folder: Path
    snr_db: str = field(default="5-20", validator=_stated_range)
    probability: float = field(default=1.0, validator=[ge(0), le(1)])


class Noise(Augmentation):
    """Mixes a part of one recording into each clip: which, from where and how loud is drawn."""

    def __init__(self, folder: Path, snr_db: str = "5-20", probability: float = 1.0) -> None:
        """Find the recordings, and look whether they can be read.

        Raises:
            ConfigError: If there are none, or one cannot be used.
        """
        self._recordings = find_recordings(folder)
        self._low, self._high = ratio_range(snr_db)
        self._probability = probability

    def sounds(self) -> Sequence[AudioSample]:
        """Return the recordings of noise."""
        return self._recordings

    def augment(
        self, waveform: np.ndarray, sampling_rate: int, draw: np.random.Generator
    ) -> np.ndarray:
        """Return the clip with noise; as it is where it gets none, or one of both is silent.

        Raises:
            AudioError: If the recording cannot be read any more.
        """
        if draw.random() >= self._probability:
            return waveform
        recording = self._recordings[int(draw.integers(len(self._recordings)))]
        snr_db = draw.uniform(self._low, self._high)
        noise = noise_for(len(waveform), sampling_rate, recording, draw.random())
        return mix(waveform, noise, snr_db)


def noise_for(frames: int, sampling_rate: int, recording: AudioSample, where: float) -> np.ndarray:
    """Return so much of a recording as a clip needs; a shorter one begins again at its end.

    Args:
        frames: Length of the clip.
        sampling_rate: Sampling rate of the clip, in Hz.
        recording: The noise; no more of its file is decoded than is needed.
        where: Where to begin, from 0 up to 1: of the places from which a recording is long enough,
            or of all places in one that is not.

    Returns:
        float32, shape (frames,).
    """
    there, needed = stated_seconds(recording), frames / sampling_rate
    if there < needed + SLACK_SECONDS:
        noise = load_clip(recording, sampling_rate).waveform
        return np.resize(np.roll(noise, -int(where * len(noise))), frames)
    start = (recording.offset or 0.0) + where * (there - needed - SLACK_SECONDS)
    part = evolve(recording, offset=start, duration=needed + SLACK_SECONDS)
    return np.resize(load_clip(part, sampling_rate).waveform, frames)
