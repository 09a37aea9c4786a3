"""Measurements of a speech signal, none of which needs the recording it was made from.

All but `share_at_peak` work on mono audio at 16 kHz, in frames of 32 ms every 8 ms.

**Noise** is estimated for each frequency by itself, as a low quantile over time of the power
spectrum: speech leaves every frequency alone for a part of the time, so what is nearly always
there is noise (Stahl, Fischer and Bippus, "Quantile based noise estimation for spectral subtraction
and Wiener filtering", ICASSP 2000). The power of Gaussian noise in one frequency is exponentially
distributed, so that its q-quantile is −ln(1 − q) times its mean; the estimate is divided by that.
A sound that never changes, such as a tone or a hum, is noise by this definition.
"""

from __future__ import annotations

import librosa
import numpy as np
from attrs import frozen

SAMPLING_RATE = 16_000
FRAME = 512  # samples: 32 ms
HOP = 128  # samples: 8 ms

NOISE_QUANTILE = 0.2
LOWEST_BIN = 2
"""Below 62.5 Hz there is hum and offset, but no speech."""
DIGITAL_SILENCE_DB = 70.0
"""Frames that are this far below the loudest are no recording of a room, and say nothing of its
noise."""
PAUSE_DB = (15.0, 40.0)
"""A pause is this far below the loudest frame: 40 dB in a clean recording, and in a noisy one so
much less that the noise falls below it, but never less than 15 dB."""
PAUSE_ABOVE_NOISE_DB = 6.0
SPEECH_ABOVE_NOISE = 8.0
"""Power over the mean noise from which a frequency of a frame is not noise: Gaussian noise gets
there with probability e⁻⁸."""
LOUD_PERCENTILE = 95
ROLLOFF = 0.98
NEAR_PEAK = 0.99
BEYOND_PEAK = 0.001
TINY = 1e-12
NOTHING = 1e-16
"""Power that stands for none: rounding to 16 bits makes 10⁻⁸."""


@frozen
class SignalMetrics:
    """The metrics of one clip's signal.

    Attributes:
        snr_db: Mean power over noise power, less one, in dB.
        clipped_share: Share of the samples that reach the peak, see `share_at_peak`: about 0.001 in
            speech, more when its peaks are cut off at whatever level.
        crest_db: Highest amplitude over the root mean square outside pauses, in dB: 15 to 20 for
            speech, 3 for a tone; compression and clipping lower it.
        silence_share: Share of the clip that is pauses.
        bandwidth_hz: Frequency below which 98 % of the magnitudes lie that 5 % of the frames
            outside pauses reach (so that a few fricatives suffice) and that stand clear of the
            noise; 0 when none does.
    """

    snr_db: float
    clipped_share: float
    crest_db: float
    silence_share: float
    bandwidth_hz: float


def measure(waveform: np.ndarray) -> SignalMetrics:
    """Measure a clip.

    Args:
        waveform: float32, shape (frames,), at 16 kHz, at least one frame long and not silent.
            What is beyond full scale counts as cut off there, as it is when it is played.
    """
    waveform = np.clip(waveform, -1, 1)
    spectrum = librosa.stft(waveform, n_fft=FRAME, hop_length=HOP)
    spectrum[:LOWEST_BIN] = 0
    power = _power(spectrum)
    noise = noise_spectrum(power)
    audible = librosa.istft(spectrum, n_fft=FRAME, hop_length=HOP, length=len(waveform))
    is_speech = _speech_samples(audible, power, noise)
    speech = np.abs(waveform[is_speech].astype(np.float64))
    peak = speech.max()
    return SignalMetrics(
        snr_db=_snr_db(power, noise),
        clipped_share=share_at_peak(waveform, float(np.mean(is_speech))),
        crest_db=float(20 * np.log10(peak / np.sqrt(np.mean(np.square(speech))))),
        silence_share=float(1 - np.mean(is_speech)),
        bandwidth_hz=_bandwidth_hz(power[:, is_speech[_centres(power, len(waveform))]], noise),
    )


def share_at_peak(waveform: np.ndarray, speech_share: float) -> float:
    """Return how many samples reach the peak to 1 %, as a share of those outside pauses.

    The peak is what one in a thousand of those samples reaches, so that a single one beyond it
    hides nothing. What was cut off at one sampling rate overshoots at another: measure it at the
    rate at which it was generated.

    Args:
        waveform: Shape (frames,), at any sampling rate.
        speech_share: Share of the samples that are outside pauses, above 0.
    """
    amplitude = np.abs(waveform)
    peak = np.quantile(amplitude, 1 - BEYOND_PEAK * speech_share) or amplitude.max()
    return min(1.0, float(np.mean(amplitude >= NEAR_PEAK * peak)) / speech_share)


def noise_spectrum(power: np.ndarray) -> np.ndarray:
    """Estimate the mean power of the noise at each frequency.

    Args:
        power: Shape (frequencies, frames).

    Returns:
        Shape (frequencies,).
    """
    quantile = np.quantile(_live(power), NOISE_QUANTILE, axis=1)
    mean: np.ndarray = quantile / -np.log(1 - NOISE_QUANTILE)
    return mean


def _power(spectrum: np.ndarray) -> np.ndarray:
    power: np.ndarray = np.maximum(np.square(np.abs(spectrum)), NOTHING)
    power[-1] = NOTHING  # a real number, so that its noise is not distributed as the others'
    return power


def _live(power: np.ndarray) -> np.ndarray:
    """Return the frames that are not digital silence."""
    level = power.sum(axis=0)
    live: np.ndarray = power[:, level > level.max() * 10 ** (-DIGITAL_SILENCE_DB / 10)]
    return live


def _snr_db(power: np.ndarray, noise: np.ndarray) -> float:
    total = _live(power).mean(axis=1).sum()
    signal = max(total - noise.sum(), TINY * total)
    return float(10 * np.log10(signal / max(noise.sum(), TINY * total)))


def _speech_samples(audible: np.ndarray, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return for each sample whether it lies outside pauses.

    Args:
        audible: The waveform without what nobody hears: an offset would fill the pauses.
        power: Power of the waveform's frames, shape (frequencies, frames).
        noise: Mean power of the noise, shape (frequencies,).
    """
    loudest = power.sum(axis=0).max()
    above_noise_db = 10 * np.log10(loudest / max(noise.sum(), TINY * loudest))
    top_db = float(np.clip(above_noise_db - PAUSE_ABOVE_NOISE_DB, *PAUSE_DB))
    intervals = librosa.effects.split(audible, top_db=top_db, frame_length=FRAME, hop_length=HOP)
    is_speech = np.zeros(len(audible), dtype=bool)
    for start, end in intervals:
        is_speech[start:end] = True
    return is_speech


def _centres(power: np.ndarray, samples: int) -> np.ndarray:
    """Return the place of each frame's centre in the waveform."""
    return np.minimum(np.arange(power.shape[1]) * HOP, samples - 1)


def _bandwidth_hz(power: np.ndarray, noise: np.ndarray) -> float:
    # Noise reaches up to every frequency; only what stands clear of it is the speaker's.
    loud = np.percentile(power, LOUD_PERCENTILE, axis=1)
    above = np.maximum(loud - SPEECH_ABOVE_NOISE * noise, 0)
    if not above.any():  # librosa's answer would be the highest frequency
        return 0.0
    rolloff = librosa.feature.spectral_rolloff(
        S=np.sqrt(above)[:, None], sr=SAMPLING_RATE, n_fft=FRAME, roll_percent=ROLLOFF
    )
    return float(rolloff.item())
