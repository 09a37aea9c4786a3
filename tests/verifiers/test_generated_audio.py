"""Whatever a synthesiser returns is heard, or is bad output: it never ends a run."""

import numpy as np
import pytest

from audioforge.errors import AudioError
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_verifiers.generated_audio import Unheard, hear, is_silent

RATE = 16_000
NOISE = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)


def heard(audio: np.ndarray, rate: int | None = RATE) -> Clip | Unheard:
    return hear(AudioSample("a"), Hypothesis(audio=audio, sampling_rate=rate), RATE)


@pytest.mark.parametrize(
    "audio",
    [
        NOISE[:0],
        NOISE[:0, None],
        np.append(NOISE, np.float32(np.nan)),
        np.append(NOISE, np.float32(np.inf)),
        NOISE[:, None, None],
        np.array(0.5, np.float32),
        NOISE.astype(complex),
        NOISE.astype(object),
        NOISE > 0,
        np.array(["a", "b"]),
    ],
    ids=lambda audio: f"{audio.dtype} {audio.shape}",
)
def test_what_is_no_sound_is_broken(audio):
    assert heard(audio) is Unheard.BROKEN


@pytest.mark.parametrize("rate", [-5, 10**9])
def test_a_rate_that_cannot_be_is_broken(rate):
    assert heard(NOISE, rate) is Unheard.BROKEN


@pytest.mark.parametrize("rate", [None, 0])
def test_an_array_without_its_rate_is_the_adapters_fault(rate):
    with pytest.raises(AudioError, match="needs its sampling rate"):
        heard(NOISE, rate)


@pytest.mark.parametrize(
    ("audio", "silent"),
    [
        (NOISE, False),
        (NOISE[:1600], False),
        (NOISE[:1500], True),
        (NOISE[:1], True),
        (NOISE * np.float32(1e-3), True),
        (NOISE * np.float32(1e-3) + np.float32(0.5), True),
        (np.full(RATE, 1.0, np.float32), True),
        (np.full(RATE, 3e38, np.float32), True),
        (np.sign(NOISE) * np.float32(3e4), False),
        (NOISE.astype(np.float64), False),
    ],
)
def test_silent_is_what_nobody_hears(audio, silent):
    clip = heard(audio)
    assert clip is Unheard.BROKEN or is_silent(clip) is silent
