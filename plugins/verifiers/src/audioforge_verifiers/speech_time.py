"""For how long somebody speaks in a clip, by energy alone.

A frame is speech where it is loud for this clip and stands clear of its noise; a gap shorter than a
pause belongs to the speech around it, since every plosive is one. Pauses count from 250 ms, as in
measurements of articulation rate since Goldman-Eisler 1968 ("Psycholinguistics"). Energy cannot
tell a voice from other sounds.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

FRAME_SECONDS = 0.02
"""Longer than a period of the lowest voices (50 Hz)."""

SHORTEST_PAUSE_SECONDS = 0.25

SPEECH_BELOW_LOUDEST_DB = (15.0, 40.0)
"""Speech reaches down to 40 dB below the loudest frame; in a noisy clip less far, but 15 dB."""

SPEECH_ABOVE_NOISE_DB = 6.0

NOISE_QUANTILE = 0.1
"""Speech has gaps: the quietest frames that are no digital silence are noise."""

SILENCE_DBFS = -70.0
"""A clip that is nowhere louder holds no speech."""

DIGITAL_SILENCE_DB = 70.0
"""Frames so far below the loudest are no recording of a room, and say nothing of its noise."""


@frozen
class SpeechTime:
    """When somebody speaks in a clip.

    Attributes:
        seconds: For how long there is speech, short gaps included.
        span: From the first speech to the last, pauses included, in seconds.
    """

    seconds: float
    span: float

    @property
    def pause_share(self) -> float:
        """Part of the span that is pauses; 0 where there is no speech."""
        return max(0.0, 1 - self.seconds / self.span) if self.span else 0.0


def speech_seconds(waveform: np.ndarray, sampling_rate: int) -> float:
    """Return for how many seconds of a clip there is speech, short gaps included.

    >>> rate, tone = 8000, np.sin(np.arange(8000))
    >>> speech_seconds(np.concatenate([np.zeros(8000), tone, np.zeros(8000)]), rate)
    1.0

    Args:
        waveform: Shape (frames,).
        sampling_rate: In Hz.
    """
    return speech_time(waveform, sampling_rate).seconds


def speech_time(waveform: np.ndarray, sampling_rate: int) -> SpeechTime:
    """Return when there is speech in a clip.

    Args:
        waveform: Shape (frames,).
        sampling_rate: In Hz.
    """
    frame = max(1, round(FRAME_SECONDS * sampling_rate))
    frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame).astype(np.float64)
    if not len(frames):
        return SpeechTime(0.0, 0.0)
    level = 10 * np.log10(np.maximum(frames.var(axis=1), 1e-12))  # an offset is no sound
    loudest = level.max()
    if loudest < SILENCE_DBFS:
        return SpeechTime(0.0, 0.0)
    noise = np.quantile(level[level > loudest - DIGITAL_SILENCE_DB], NOISE_QUANTILE)
    depth = np.clip(loudest - noise - SPEECH_ABOVE_NOISE_DB, *SPEECH_BELOW_LOUDEST_DB)
    loud = np.flatnonzero(level >= loudest - depth)
    gaps = np.diff(loud) - 1  # in frames, between one loud frame and the next
    bridged = gaps[gaps * frame < SHORTEST_PAUSE_SECONDS * sampling_rate].sum()
    in_seconds = frame / sampling_rate
    return SpeechTime(
        float((len(loud) + bridged) * in_seconds), float((loud[-1] - loud[0] + 1) * in_seconds)
    )
