"""Verifiers as a run creates them."""

import pickle
import runpy
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import Verifier


@pytest.fixture(scope="session")
def registry():
    return discover()


@pytest.fixture(scope="session")
def travelled() -> Callable:
    """`travelled(verifier)` is the verifier as it arrives in a worker process."""

    def _travelled(verifier: Verifier) -> Verifier:
        return pickle.loads(pickle.dumps(verifier))  # noqa: S301  of our own making

    return _travelled


@pytest.fixture(scope="session")
def create(registry) -> Callable:
    """`create("wer:threshold=0.1", normalizer="none")` gives a verifier that is set up."""

    def _create(reference: str, normalizer: str = "none", wer_threshold: float = 0.3):
        context = verifier_context(registry, "asr", normalizer, wer_threshold, "cpu")
        return create_verifier(registry, VerifierSetting.parse(reference), context)

    return _create


@pytest.fixture(scope="session")
def score(create) -> Callable[..., Score]:
    """`score("wer", reference, text)` gives the score of one transcript."""

    def _score(verifier, reference: str | None, text: str | None, **run) -> Score:
        created = create(verifier, **run) if isinstance(verifier, str) else verifier
        samples = [AudioSample("a", reference=reference)]
        return created.verify(samples, [Hypothesis(text=text)])[0]

    return _score


@pytest.fixture(scope="session")
def create_tts(registry) -> Callable:
    """`create_tts("quality")` gives a verifier of generated audio that is set up."""

    def _create(reference: str, normalizer: str = "none"):
        context = verifier_context(registry, "tts", normalizer, 0.3, "cpu")
        return create_verifier(registry, VerifierSetting.parse(reference), context)

    return _create


@pytest.fixture(scope="session")
def judge() -> Callable[..., Score]:
    """`judge(verifier, audio, 16_000)` gives the score of generated audio."""

    def _judge(verifier, audio, rate: int | None = 16_000, /, **sample) -> Score:
        hypothesis = Hypothesis(audio=audio, sampling_rate=rate)
        return verifier.verify([AudioSample("a", **sample)], [hypothesis])[0]

    return _judge


@pytest.fixture(scope="session")
def speech_like() -> np.ndarray:
    """3 s of "vowels" (a glottal buzz through formants), "fricatives" and pauses, at 16 kHz."""
    rate = 16_000
    random = np.random.default_rng(7)
    buzz = np.zeros(3 * rate)
    buzz[np.cumsum(random.integers(120, 160, size=300))] = 1  # a voice of about 115 Hz
    hiss = random.normal(0, 1, 3 * rate)
    vowel_opens = np.clip(np.sin(2 * np.pi * 2.5 * np.arange(3 * rate) / rate), 0, None) ** 2
    hiss_opens = np.clip(np.sin(2 * np.pi * (2.5 * np.arange(3 * rate) / rate - 0.4)), 0, None) ** 8
    vowel = sum(
        sosfilt(butter(2, (f * 0.9, f * 1.1), "band", fs=rate, output="sos"), buzz) / f
        for f in (600, 1300, 2500, 3500)
    )
    fricative = sosfilt(butter(4, 3500, "high", fs=rate, output="sos"), hiss)
    sound = vowel_opens * vowel / np.abs(vowel).max() + 0.05 * hiss_opens * fricative
    room = random.normal(0, 1e-4, 3 * rate)
    return (0.5 * sound / np.abs(sound).max() + room).astype(np.float32)


@pytest.fixture(scope="session")
def degradations(root) -> SimpleNamespace:
    """The functions of benchmarks/degradations.py."""
    return SimpleNamespace(**runpy.run_path(str(root / "benchmarks/degradations.py")))
