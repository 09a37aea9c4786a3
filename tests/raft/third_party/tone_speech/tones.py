"""The language: each word is a tone of 0.1 s with a pitch of its own."""

import numpy as np

RATE = 8000
FRAMES = 800
WORDS = tuple(f"p{i:02d}" for i in range(100))
OCTAVES = {word: 1 + 2.5 * i / len(WORDS) for i, word in enumerate(WORDS)}
"""The right pitch of each word, in octaves above 100 Hz."""
TRANSFORM = 16 * FRAMES
"""Length of the padded Fourier transform: bins of 0.6 Hz."""


def speak(octaves: np.ndarray, level: float = 0.3) -> np.ndarray:
    """Return a tone for each pitch, one after the other: float32, shape (frames,)."""
    time = np.arange(FRAMES) / RATE
    tones = [level * np.sin(2 * np.pi * 100 * 2**pitch * time) for pitch in octaves]
    return np.concatenate([*tones, np.zeros(0)]).astype(np.float32)


def hear(samples: np.ndarray) -> np.ndarray:
    """Return the pitch of each tone, in octaves above 100 Hz: its strongest frequency."""
    tones = samples[: len(samples) // FRAMES * FRAMES].reshape(-1, FRAMES)
    spectrum = np.abs(np.fft.rfft(tones * np.hanning(FRAMES), TRANSFORM, axis=1))
    strongest = spectrum[:, 1:].argmax(axis=1) + 1
    return np.log2(strongest * RATE / TRANSFORM / 100)
