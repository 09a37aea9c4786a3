"""Sound as trackers play it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from attrs import frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample

RATE_HZ = 16_000
"""What speech needs; a tenth of a studio's rate."""

LONGEST_SECONDS = 60.0
"""What is longer is 2 MB and more, for each cycle, and nobody listens to it in a table."""


@frozen(eq=False)
class Sound:
    """A clip to listen to.

    Attributes:
        name: What it is the sound of: the id of the sample.
        caption: What is said in it.
        waveform: float32, mono, shape (frames,), within ±1, at `RATE_HZ`.
    """

    name: str
    caption: str
    waveform: np.ndarray

    def write(self, path: Path) -> None:
        """Write a WAV file of 16 bits."""
        soundfile.write(path, self.waveform, RATE_HZ, subtype="PCM_16")


def decode(sample: AudioSample, caption: str) -> Sound | None:
    """Return the sound of a clip; None where there is none, or too much of it."""
    if sample.audio is None:
        return None
    try:
        clip = load_clip(sample, RATE_HZ, max_seconds=LONGEST_SECONDS)
    except AudioError:
        return None
    return Sound(sample.id, caption, np.clip(clip.waveform, -1.0, 1.0))
