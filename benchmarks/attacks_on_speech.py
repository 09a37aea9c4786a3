"""What becomes of generated speech that is after a reward: tricks, each made of an honest output.

`speech_rewards.py` prints what each earns; the tests hold the default reward to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import librosa
import numpy as np

from audioforge.keyed_random import generator
from audioforge_verifiers.pitch import FRAME, HIGHEST_HZ, HOP, LOWEST_HZ

RATE = 16_000
MELS = 80
MEL_FRAME, MEL_HOP = 1024, 256
"""As the usual vocoders have them, at 16 kHz."""

Trick = Callable[[np.ndarray], np.ndarray]
"""From float32 samples at 16 kHz, shape (frames,), to others."""


def through_mels(waveform: np.ndarray) -> np.ndarray:
    """Return the speech that a plain vocoder makes of a recording's mels: Griffin and Lim's."""
    basis = librosa.filters.mel(sr=RATE, n_fft=MEL_FRAME, n_mels=MELS)
    spectrum = librosa.stft(waveform, n_fft=MEL_FRAME, hop_length=MEL_HOP)
    mels = basis @ np.abs(spectrum)
    magnitude = np.maximum(np.linalg.pinv(basis) @ mels, 0)
    said: np.ndarray = librosa.griffinlim(
        magnitude, hop_length=MEL_HOP, n_fft=MEL_FRAME, length=len(waveform), random_state=0
    )
    played: np.ndarray = said * min(1.0, 0.99 / np.abs(said).max())
    return played.astype(np.float32)


def on_one_note(waveform: np.ndarray) -> np.ndarray:
    """Return speech whose pitch stays at its median: played faster where it is lower."""
    hertz, voiced, _ = librosa.pyin(
        waveform, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE, frame_length=FRAME, hop_length=HOP
    )
    if not voiced.any():
        return waveform
    median = np.median(hertz[voiced])
    near = voiced & (np.abs(np.log2(np.where(voiced, hertz, median) / median)) < 0.75)
    places = np.flatnonzero(near) * HOP
    speed = np.interp(np.arange(len(waveform)), places, median / hertz[near])
    when = np.cumsum(1 / speed)  # where each sample comes to lie
    places_read = np.interp(np.arange(int(when[-1])), when, np.arange(len(waveform)))
    said: np.ndarray = np.interp(places_read, np.arange(len(waveform)), waveform)
    return said.astype(np.float32)


def with_another_throat(waveform: np.ndarray, by: float) -> np.ndarray:
    """Return speech with pitch and resonances moved by a factor, at the same pace."""
    played = librosa.resample(waveform, orig_sr=by * RATE, target_sr=RATE)
    stretched: np.ndarray = librosa.effects.time_stretch(played, rate=1 / by)
    return stretched


def syllables_of_noise(waveform: np.ndarray) -> np.ndarray:
    """Return noise with the loudness of speech, which a weak recogniser hears as words."""
    noise = generator("syllables").normal(0, 1, len(waveform))
    loudness = np.sqrt(np.convolve(np.square(waveform), np.ones(400) / 400, mode="same"))
    said: np.ndarray = noise * loudness
    return said.astype(np.float32)


def said_again_slower(waveform: np.ndarray) -> np.ndarray:
    """Return speech whose second half follows once more, slower by 15 %."""
    half = waveform[len(waveform) // 2 :]
    said: np.ndarray = np.append(waveform, librosa.effects.time_stretch(half, rate=1 / 1.15))
    return said


def stopped_at(waveform: np.ndarray, part: float) -> np.ndarray:
    """Return the first part of what is spoken, so that more than a silent end is missing."""
    spoken, _ = librosa.effects.trim(waveform, top_db=40)
    said: np.ndarray = spoken[: round(part * len(spoken))]
    return said


def faded_at(waveform: np.ndarray, part: float) -> np.ndarray:
    """Return the first part of what is spoken, dying away in its last 40 ms and 50 ms of a hiss."""
    said = stopped_at(waveform, part)
    last = min(len(said), round(0.04 * RATE))
    fade = np.append(np.ones(len(said) - last), np.linspace(1, 0, last))
    hiss = generator("hiss").normal(0, 0.001, round(0.05 * RATE))
    return np.append(said * fade, hiss).astype(np.float32)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


TRICKS: Mapping[str, Trick] = {
    "silence": lambda w: 0 * w,
    "loud and cut off": lambda w: np.clip(100 * w, -np.abs(w).max(), np.abs(w).max()),
    "said twice": lambda w: np.tile(w, 2),
    "its second half said twice": lambda w: np.append(w, w[len(w) // 2 :]),
    "its first half said twice": lambda w: np.append(w[: len(w) // 2], w),
    "its second half said again, slower": said_again_slower,
    "stopped at its half": lambda w: stopped_at(w, 0.5),
    "stopped at three quarters": lambda w: stopped_at(w, 0.75),
    "faded out at three quarters": lambda w: faded_at(w, 0.75),
    "2.5 times as fast": lambda w: librosa.effects.time_stretch(w, rate=2.5),
    "2.5 times as slow": lambda w: librosa.effects.time_stretch(w, rate=0.4),
    "on one note": on_one_note,
    "a higher voice": lambda w: with_another_throat(w, 1.3),
    "a deeper voice": lambda w: with_another_throat(w, 0.77),
    "pitch doubled": lambda w: librosa.effects.pitch_shift(w, sr=RATE, n_steps=12),
    "syllables of noise": syllables_of_noise,
    "8 s of silence after it": lambda w: np.append(w, _silence(8)),
    "8 s of silence before it": lambda w: np.append(_silence(8), w),
}
