"""How long a clip is, and for how long anything can be heard in it."""

from __future__ import annotations

import math

import numpy as np
from attrs import evolve, frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample, Clip

FRAME_SECONDS = 0.02
"""As long as a period of the lowest voices (50 Hz)."""

SAMPLING_RATE = 16_000
"""At which a sound file is decoded, in Hz."""

SILENCE_DBFS = -70.0
"""Level in dB relative to full scale up to which a frame is silent: 40 dB below soft speech."""

SHORTEST_SPEECH_SECONDS = 0.1
"""Speech needs at least this much that can be heard; the shortest words take longer."""

LONGEST_PAUSE_SECONDS = 0.5
"""What is left of a longer silence where only what can be heard is wanted."""


@frozen
class Audibility:
    """What is known of a clip's sound.

    Attributes:
        seconds: Length of the clip; None when it is not known.
        audible_seconds: Length of all frames above the level of silence; None without audio.
    """

    seconds: float | None
    audible_seconds: float | None


def measure_audibility(sample: AudioSample, silence_dbfs: float = SILENCE_DBFS) -> Audibility:
    """Measure a clip.

    Args:
        sample: A sample with decoded audio, a file or none; without audio that can be used, the
            length is what the dataset states.
        silence_dbfs: Level up to which a frame is silent, see `audible_frames`.
    """
    try:
        clip = load_clip(sample, sample.sampling_rate or SAMPLING_RATE)
    except AudioError:
        stated = sample.duration
        known = stated is not None and math.isfinite(stated) and stated > 0
        return Audibility(stated if known else None, None)
    return Audibility(clip.seconds, audible_seconds(clip, silence_dbfs))


def audible_seconds(clip: Clip, silence_dbfs: float = SILENCE_DBFS) -> float:
    """Return for how long something can be heard."""
    audible = np.count_nonzero(audible_frames(clip, silence_dbfs))
    return min(clip.seconds, int(audible) * FRAME_SECONDS)


def audible_frames(clip: Clip, silence_dbfs: float = SILENCE_DBFS) -> np.ndarray:
    """Say of each frame of `FRAME_SECONDS` whether it is above the level of silence.

    The level is the root mean square about the frame's mean, since an offset is no sound.

    Args:
        clip: The clip; its last frame may be shorter.
        silence_dbfs: In dB relative to full scale.
    """
    frame = _frame(clip)
    padded = np.pad(clip.waveform, (0, -len(clip.waveform) % frame), mode="edge")
    frames = padded.reshape(-1, frame)
    frames = frames - frames.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
    power = np.einsum("ij,ij->i", frames, frames) / frame
    audible: np.ndarray = power > 10 ** (silence_dbfs / 10)
    return audible


def without_silence(clip: Clip) -> Clip | None:
    """Return a clip whose silences are at most `LONGEST_PAUSE_SECONDS`, half of that at its ends.

    Returns:
        None where less than `SHORTEST_SPEECH_SECONDS` can be heard.
    """
    audible = audible_frames(clip)
    if np.count_nonzero(audible) * FRAME_SECONDS < SHORTEST_SPEECH_SECONDS:
        return None
    margin = round(LONGEST_PAUSE_SECONDS / 2 / FRAME_SECONDS)
    near = np.convolve(audible, np.ones(2 * margin + 1))[margin : margin + len(audible)] > 0.5
    kept = np.repeat(near, _frame(clip))[: len(clip.waveform)]
    return evolve(clip, waveform=clip.waveform[kept])


def _frame(clip: Clip) -> int:
    return max(1, round(FRAME_SECONDS * clip.sampling_rate))
