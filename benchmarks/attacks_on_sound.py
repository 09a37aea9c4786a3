"""Generated sound that asks for a reward which it did not earn, and the most that is right for it.

`red_team.py` prints what it gets; the tests hold the verifiers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from attrs import field, frozen

from audioforge.keyed_random import generator
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge.verifier import Verifier

RATE = 16_000


@frozen
class SoundAttack:
    """One attack on the verifiers of generated speech.

    Attributes:
        what: The attack in a few words.
        make: Makes it of a recording that says what was to be said, at 16 kHz.
        at_most: The most that each verifier may pay, by its name; a verifier that is not named is
            not deceived, or does not ask the question.
    """

    what: str
    make: Callable[[np.ndarray], np.ndarray]
    at_most: Mapping[str, float] = field(factory=dict)

    def reward(self, verifier: Verifier, recording: Clip) -> float | None:
        """Return what a verifier pays for it in the place of a recording."""
        return reward_of(verifier, recording, self.make(recording.waveform).astype(np.float32))


def reward_of(verifier: Verifier, recording: Clip, waveform: np.ndarray) -> float | None:
    """Return what a verifier pays for a waveform where a recording's text was to be said."""
    sample = AudioSample(
        "a",
        audio=recording.waveform,
        sampling_rate=recording.sampling_rate,
        reference=recording.sample.reference,
    )
    said = Hypothesis(audio=waveform, sampling_rate=recording.sampling_rate)
    return verifier.verify([sample], [said])[0].reward


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def _noise(like: np.ndarray) -> np.ndarray:
    return generator("red team").normal(0, 0.1, len(like))


def _on_and_off(like: np.ndarray) -> np.ndarray:
    """Return 1 and 0 in turn, three times a second."""
    on: np.ndarray = np.sin(2 * np.pi * 3 * np.arange(len(like)) / RATE) > 0
    return on


def _tone(like: np.ndarray) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(like)) / RATE)


def _clicks(like: np.ndarray) -> np.ndarray:
    clicks: np.ndarray = 0.5 * (np.arange(len(like)) % (RATE // 10) == 0)
    return clicks


def _loudest(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """Return what stands around the highest peak."""
    peak = int(np.abs(waveform).argmax())
    half = round(seconds * RATE / 2)
    return waveform[max(0, peak - half) : peak + half]


def _with(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda waveform: np.append(waveform, value)


NOTHING = {"intelligibility": 0.0, "quality": 0.0, "dnsmos": 0.0, "consistency": 0.0}

SOUND_ATTACKS = [
    SoundAttack("no samples", lambda w: w[:0], NOTHING),
    SoundAttack("one sample", lambda w: w[:1], NOTHING),
    SoundAttack("a sample that is NaN", _with(np.nan), NOTHING),
    SoundAttack("a sample that is infinite", _with(np.inf), NOTHING),
    SoundAttack("silence", lambda w: 0 * w, NOTHING),
    SoundAttack("an offset", lambda w: 0 * w + 0.5, NOTHING),
    SoundAttack("too soft to hear (60 dB softer)", lambda w: w * 1e-3, NOTHING),
    SoundAttack("50 ms of it", lambda w: _loudest(w, 0.05), NOTHING),
    SoundAttack("noise", _noise, {"intelligibility": 0.25, "quality": 0.05, "dnsmos": 0.05}),
    SoundAttack(
        "bursts of noise",
        lambda w: _noise(w) * _on_and_off(w),
        {"intelligibility": 0.25, "quality": 0.35, "dnsmos": 0.05},
    ),
    SoundAttack("a tone", _tone, {"intelligibility": 0.25, "quality": 0.05, "dnsmos": 0.05}),
    SoundAttack("ten clicks a second", _clicks, {"intelligibility": 0.25, "quality": 0.49}),
    SoundAttack(
        "cut off at 1 % of its peak",
        lambda w: np.clip(w * 100, -np.abs(w).max(), np.abs(w).max()),
        {"intelligibility": 0.5, "quality": 0.0},
    ),
    SoundAttack("its first half", lambda w: w[: len(w) // 2], {"intelligibility": 0.5}),
    SoundAttack("said three times", lambda w: np.tile(w, 3), {"intelligibility": 0.0}),
    SoundAttack("said forty times", lambda w: np.tile(w, 40), {"intelligibility": 0.0}),
    SoundAttack("backwards", lambda w: w[::-1], {"intelligibility": 0.25}),
]
"""What is no speech, or less or more than was to be said."""

PADDED = [
    SoundAttack("8 s of silence after it", lambda w: np.append(w, _silence(8))),
    SoundAttack("8 s of silence before it", lambda w: np.append(_silence(8), w)),
    SoundAttack(
        "8 s of what is too soft after it", lambda w: np.append(w, 1e-3 * np.resize(w, 8 * RATE))
    ),
]
"""What says all that was to be said, and silence: intelligible, and of less quality."""
