"""What the transcript of generated speech does not tell: that it breaks off, or says things again.

A recogniser knows its language. It completes a last word of which half is spoken, and of what is
said twice it may write one; so a synthesiser that does either can be understood word for word.
"""

from __future__ import annotations

import librosa
import numpy as np
from attrs import evolve

from audioforge.sample import AudioSample, Clip
from audioforge_verifiers.audibility import FRAME_SECONDS, audible_frames

END_SECONDS = 0.03
"""How much sound is the end: three periods of a deep voice."""
LOUD_PERCENTILE = 95
NOISE_QUANTILE = 0.1
NOISE_BELOW_SPEECH = 100.0
"""Speech has gaps: what the quietest tenth of it still has is noise, but at least 20 dB below what
is loud."""
SOFTEST_END = 1e-6
NOTHING = 1e-12

SPECTRUM_SECONDS, HOP_SECONDS = 0.032, 0.03
MELS, COEFFICIENTS = 64, 15
PAUSE_BELOW_SPEECH_DB = 30.0
ALIKE_SECONDS = 0.6
"""How much has to sound alike, and how much at least lies between. A stretch whose halves are alike
is a sound that is held, such as a hum before the speech, and like itself at any distance."""
MOST_APART_SECONDS = 30.0
"""As long as the windows of recognisers: what is further apart they hear by itself."""
ALIKE = 0.6
"""Mean cosine of two stretches' frames from which they may be the same words. Of recordings of
sentences, orders and digits 6 % have as much somewhere; a half that is said again has 0.8 and more,
slower by 15 % or higher 0.55 to 0.85."""


def prepare_to_listen(sampling_rate: int) -> None:
    """Have librosa load what it needs, for which no batch has the time."""
    sound = np.resize(np.array([0.5, -0.5], np.float32), sampling_rate)
    without_repeat(Clip(AudioSample("sound", audio=sound), sound, sampling_rate))


def end_level_db(clip: Clip) -> float:
    """Return how loud the last 30 ms are against what is loud in the clip, in dB, from −60 to 0.

    Speech dies away: of most recordings it is below −25, of most that were cut in a word above −20.
    Noise that is always there does not count.

    Args:
        clip: Speech; silence after it does not count.
    """
    frame = round(END_SECONDS * clip.sampling_rate)
    audible = np.repeat(audible_frames(clip), round(FRAME_SECONDS * clip.sampling_rate))
    heard = np.flatnonzero(audible)
    sound = clip.waveform[: int(heard[-1]) + 1] if len(heard) else clip.waveform
    frames = np.pad(sound, (-len(sound) % frame, 0), mode="edge").reshape(-1, frame)
    power = frames.var(axis=1, dtype=np.float64)  # without an offset
    loud = float(np.percentile(power, LOUD_PERCENTILE))
    noise = min(float(np.quantile(power, NOISE_QUANTILE)), loud / NOISE_BELOW_SPEECH)
    share = (power[-1] - noise) / max(loud, NOTHING)
    return float(10 * np.log10(np.clip(share, SOFTEST_END, 1)))


def without_repeat(clip: Clip) -> Clip | None:
    """Return a clip without what sounds as if it were said again later.

    Whether that is so only a recogniser knows: in speech that says each word once, words are lost
    by it.

    Args:
        clip: Speech, its pauses short.

    Returns:
        The clip from which the time between two stretches that sound alike is cut, those that do
        most, so that one of them is left; None where none do.
    """
    frames = _spectral_shapes(clip)
    length = round(ALIKE_SECONDS / HOP_SECONDS)
    if frames.shape[1] < 2 * length:
        return None
    held = _likeness(frames, length // 2, length // 2) >= ALIKE
    likest, place, apart = ALIKE, 0, 0
    furthest = min(frames.shape[1] - length, round(MOST_APART_SECONDS / HOP_SECONDS))
    for lag in range(length, furthest + 1):
        likeness = _likeness(frames, lag, length)
        likeness[held[: len(likeness)]] = 0
        start = int(np.argmax(likeness))
        if likeness[start] > likest:
            likest, place, apart = float(likeness[start]), start, lag
    if not apart:
        return None
    hop = round(HOP_SECONDS * clip.sampling_rate)
    kept = np.delete(clip.waveform, slice(place * hop, (place + apart) * hop))
    return evolve(clip, waveform=kept)


def _likeness(frames: np.ndarray, lag: int, length: int) -> np.ndarray:
    """Return how alike each stretch of frames is to the one that begins `lag` frames later.

    Returns:
        The mean cosine of those of the frames that are speech, of which half are at least.
    """
    first, second = frames[:, : frames.shape[1] - lag], frames[:, lag:]
    ones = np.ones(length, np.float32)
    cosines = np.convolve(np.einsum("ct,ct->t", first, second), ones, mode="valid")
    spoken = np.convolve(np.any(first, axis=0) | np.any(second, axis=0), ones, mode="valid")
    likeness: np.ndarray = cosines / np.maximum(spoken, length / 2)
    return likeness


def _spectral_shapes(clip: Clip) -> np.ndarray:
    """Return what each frame's spectrum looks like against its mean over the speech of the clip.

    Returns:
        Cepstral coefficients of length 1, shape (coefficients, frames); 0 where speech pauses,
        since all pauses are alike.
    """
    rate = clip.sampling_rate
    hop, window = round(HOP_SECONDS * rate), round(SPECTRUM_SECONDS * rate)
    mels = librosa.feature.melspectrogram(
        y=clip.waveform, sr=rate, n_fft=window, hop_length=hop, n_mels=MELS
    )
    level_db = librosa.power_to_db(mels.sum(axis=0))
    speaks = level_db > np.percentile(level_db, LOUD_PERCENTILE) - PAUSE_BELOW_SPEECH_DB
    cepstra = librosa.feature.mfcc(S=librosa.power_to_db(mels), n_mfcc=COEFFICIENTS + 1)[1:]
    spoken = cepstra[:, speaks]
    cepstra -= spoken.mean(axis=1, keepdims=True)
    cepstra /= np.maximum(spoken.std(axis=1, keepdims=True), NOTHING)
    shapes: np.ndarray = cepstra / np.maximum(np.linalg.norm(cepstra, axis=0), NOTHING) * speaks
    return shapes
