"""Known ways to make a recording worse, each by a known amount.

Every function takes and returns float32 samples of one channel. Level 0 of each degradation (None
where the level is a ratio or a frequency) is the recording as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.signal import butter, sosfiltfilt

from audioforge.keyed_random import generator
from audioforge.terminal.figures import percent

LOW_PASS_ORDER = 10


def with_noise(waveform: np.ndarray, snr_db: float | None, key: str) -> np.ndarray:
    """Add white Gaussian noise at `snr_db` below the mean power of the recording.

    The noise of one key is the same at every level but for its gain.
    """
    if snr_db is None:
        return waveform
    noise = generator("noise", key).standard_normal(len(waveform))
    power = np.mean(np.square(waveform, dtype=np.float64))
    noisy: np.ndarray = waveform + noise * np.sqrt(power / 10 ** (snr_db / 10))
    return noisy.astype(np.float32)


def clipped(waveform: np.ndarray, share: float) -> np.ndarray:
    """Limit the amplitude so that `share` of the samples that are not silent are cut off."""
    if share == 0:
        return waveform
    amplitude = np.abs(waveform)
    limit = np.quantile(amplitude[amplitude > 0], 1 - share)
    cut: np.ndarray = np.clip(waveform, -limit, limit)
    return cut


def low_passed(waveform: np.ndarray, cutoff_hz: float | None, sampling_rate: int) -> np.ndarray:
    """Remove what is above a frequency: a Butterworth filter, forwards and backwards."""
    if cutoff_hz is None:
        return waveform
    sections = butter(LOW_PASS_ORDER, cutoff_hz, fs=sampling_rate, output="sos")
    filtered: np.ndarray = sosfiltfilt(sections, waveform)
    return filtered.astype(np.float32)


def padded(waveform: np.ndarray, share: float) -> np.ndarray:
    """Put digital silence before and after, until it is `share` of the whole."""
    silence = round(len(waveform) * share / (1 - share))
    return np.pad(waveform, (silence // 2, silence - silence // 2))


def grid(
    waveform: np.ndarray, sampling_rate: int, key: str
) -> dict[str, list[tuple[str, Callable[[], np.ndarray]]]]:
    """Return the levels of every degradation, from the least to the worst, by its name."""
    return {
        "noise": [
            (
                "clean" if snr is None else f"{snr} dB",
                partial(with_noise, waveform, snr, key),
            )
            for snr in (None, 40, 30, 20, 10, 0)
        ],
        "clipping": [
            (percent(share, digits=0), partial(clipped, waveform, share))
            for share in (0, 0.01, 0.05, 0.20)
        ],
        "low-pass": [
            (
                "none" if cutoff is None else f"{cutoff // 1000} kHz",
                partial(low_passed, waveform, cutoff, sampling_rate),
            )
            for cutoff in (None, 7000, 4000, 2000)
        ],
        "silence": [
            (percent(share, digits=0), partial(padded, waveform, share))
            for share in (0, 0.25, 0.50)
        ],
    }
