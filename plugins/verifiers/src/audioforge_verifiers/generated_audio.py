"""Generated audio as the verifiers of speech synthesis hear it: mono float32 at the rate they want.

What a synthesiser returned is judged, not excused: audio of no frames, with NaN or infinite
values, an array of another shape or kind, or a file that does not decode is bad output, and its
reward is 0. Only where there is
nothing to judge (no audio, or a file that is not there) does a verifier abstain. What is beyond
full scale is cut off there, as it is when it is played. A recording of hours is no utterance, and
is not read into memory: a verifier abstains from it as well.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import numpy as np
from attrs import evolve

from audioforge.audio import ClipTooLong, load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge_verifiers.audibility import SHORTEST_SPEECH_SECONDS, audible_seconds

MAX_SECONDS = 600.0
"""The longest utterance that is judged."""


class Unheard(Enum):
    """Why there is no clip to listen to."""

    ABSENT = "there is nothing to judge"
    BROKEN = "what was generated is no usable sound"
    LONG = "it is too long for one utterance"

    @property
    def score(self) -> Score:
        """0 for what is broken, None for the rest."""
        return Score(0.0, passed=False) if self is Unheard.BROKEN else Score(None)


def hear(sample: AudioSample, hypothesis: Hypothesis, sampling_rate: int | None) -> Clip | Unheard:
    """Return a hypothesis' audio, decoded, mixed to mono and resampled.

    Args:
        sample: The sample that the hypothesis belongs to; the clip carries its id and text.
        hypothesis: Generated audio, as an array of shape (frames,) or (frames, channels), or as a
            file.
        sampling_rate: Sampling rate of the result, in Hz; None for that which it was generated at.

    Raises:
        AudioError: If an array comes without its sampling rate.
    """
    audio = hypothesis.audio
    if audio is None or (isinstance(audio, Path) and not _can_be_opened(audio)):
        return Unheard.ABSENT
    if isinstance(audio, np.ndarray) and not _is_sound(audio):
        return Unheard.BROKEN
    generated = AudioSample(
        sample.id,
        audio=audio,
        sampling_rate=hypothesis.sampling_rate,
        reference=sample.reference,
        language=sample.language,
    )
    try:
        clip = load_clip(generated, sampling_rate, max_seconds=MAX_SECONDS)
    except ClipTooLong:
        return Unheard.LONG
    except AudioError:
        if isinstance(audio, np.ndarray) and not hypothesis.sampling_rate:
            raise
        return Unheard.BROKEN
    return Unheard.BROKEN if np.isnan(clip.waveform).any() else as_played(clip)


def as_played(clip: Clip) -> Clip:
    """Return a clip with what is beyond full scale cut off there."""
    return evolve(clip, waveform=np.clip(clip.waveform, -1, 1))


def is_silent(clip: Clip) -> bool:
    """Say whether less can be heard than the shortest word takes."""
    return audible_seconds(clip) < SHORTEST_SPEECH_SECONDS


def _is_sound(samples: np.ndarray) -> bool:
    """Say whether an array holds finite real numbers, of frames or of frames and channels."""
    is_of_numbers = samples.dtype.kind in "fiu" and samples.ndim in (1, 2) and samples.size > 0
    return is_of_numbers and bool(np.isfinite(samples).all())


def _can_be_opened(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
