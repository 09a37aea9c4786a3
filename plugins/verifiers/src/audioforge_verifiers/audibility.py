"""How long a clip is, and for how long anything can be heard in it."""

from __future__ import annotations

import math

import numpy as np
from attrs import frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample

FRAME_SECONDS = 0.02
"""Longer than a period of the lowest voices (50 Hz)."""

SAMPLING_RATE = 16_000
"""At which a sound file is decoded, in Hz."""


@frozen
class Audibility:
    """What is known of a clip's sound.

    Attributes:
        seconds: Length of the clip; None when it is not known.
        audible_seconds: Length of all frames above the level of silence; None without audio.
    """

    seconds: float | None
    audible_seconds: float | None


def measure_audibility(sample: AudioSample, silence_dbfs: float) -> Audibility:
    """Measure a clip.

    Args:
        sample: A sample with decoded audio, a file or none; without audio that can be used, the
            length is what the dataset states.
        silence_dbfs: Level up to which a frame of `FRAME_SECONDS` is silent: its root mean square
            in dB relative to full scale.
    """
    try:
        clip = load_clip(sample, sample.sampling_rate or SAMPLING_RATE)
    except AudioError:
        stated = sample.duration
        known = stated is not None and math.isfinite(stated) and stated > 0
        return Audibility(stated if known else None, None)
    frame = max(1, round(FRAME_SECONDS * clip.sampling_rate))
    padded = np.pad(clip.waveform, (0, -len(clip.waveform) % frame)).reshape(-1, frame)
    power = np.einsum("ij,ij->i", padded, padded) / frame
    audible = np.count_nonzero(power > 10 ** (silence_dbfs / 10))
    return Audibility(clip.seconds, min(clip.seconds, int(audible) * FRAME_SECONDS))
