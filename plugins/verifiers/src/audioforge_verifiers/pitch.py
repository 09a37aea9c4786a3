"""How much the pitch of a voice moves, in semitones.

The contour is librosa's pYIN (Mauch and Dixon, "pYIN: A fundamental frequency estimator using
probabilistic threshold distributions", ICASSP 2014). Three of its errors would pass for melody: hum
and room between words, frames that lie an octave off, and those for which it finds nothing but the
lowest pitch there is. So only frames that are loud for the clip count, above the lowest semitone,
and none that is further than `MOST_FROM_MEDIAN` from the median.
"""

from __future__ import annotations

import librosa
import numpy as np
from attrs import frozen

SAMPLING_RATE = 16_000
FRAME = 1024  # samples: 64 ms, more than three periods of the lowest voice
HOP = 256  # samples: 16 ms
LOWEST_HZ, HIGHEST_HZ = 60.0, 600.0
"""A creaking man's voice, and a child's at the top of a phrase."""
RESOLUTION = 0.2
"""Bins of the contour, in semitones: half the time of librosa's 0.1, and fine for melody."""
SWITCH_PROBABILITY = 0.2
"""From voiced to unvoiced and back, from frame to frame. With librosa's 0.01 speech from a plain
vocoder counts as unvoiced altogether as soon as silence stands beside it."""

BELOW_LOUDEST_DB = 30.0
"""What is softer than the loudest frame by more is hum or room, and its pitch nobody's."""
MOST_FROM_MEDIAN = 9.0
"""Semitones, three quarters of an octave: a frame an octave off lies beyond, and few others."""
FEWEST_FRAMES = 8
"""Frames with a pitch, 128 ms: a vowel. Fewer tell nothing of a melody."""

SEMITONES = 12
"""In an octave."""


@frozen
class Pitch:
    """The pitch of a clip's voice.

    Attributes:
        median_hz: Median of its fundamental frequency.
        deviation: Standard deviation about the mean, in semitones.
        voiced_seconds: Length of the frames that both are of.
    """

    median_hz: float
    deviation: float
    voiced_seconds: float


def measure_pitch(waveform: np.ndarray) -> Pitch | None:
    """Measure the pitch of a voice.

    Args:
        waveform: float32, shape (frames,), at 16 kHz, not silent.

    Returns:
        None where too little of it is voiced, as in a whisper or in noise.
    """
    waveform = np.pad(waveform, (0, max(0, FRAME - len(waveform))))
    hertz, voiced, _ = librosa.pyin(
        waveform,
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=SAMPLING_RATE,
        frame_length=FRAME,
        hop_length=HOP,
        resolution=RESOLUTION,
        switch_prob=SWITCH_PROBABILITY,
    )
    level = librosa.feature.rms(y=waveform, frame_length=FRAME, hop_length=HOP)[0]
    loud = level >= level.max() * 10 ** (-BELOW_LOUDEST_DB / 20)
    found = hertz[voiced & loud & (hertz > LOWEST_HZ * 2 ** (1 / SEMITONES))]
    if len(found) < FEWEST_FRAMES:
        return None
    median = float(np.median(found))
    semitones = SEMITONES * np.log2(found / median)
    near = semitones[np.abs(semitones) <= MOST_FROM_MEDIAN]
    if len(near) < FEWEST_FRAMES:
        return None
    return Pitch(median, float(near.std()), len(near) * HOP / SAMPLING_RATE)
