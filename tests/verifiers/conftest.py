"""Verifiers as a run creates them."""

from collections.abc import Callable

import pytest

from audioforge.config import VerifierSetting
from audioforge.plugins import discover
from audioforge.raft.verification import create_verifier, verifier_context
from audioforge.sample import AudioSample, Hypothesis, Score


@pytest.fixture(scope="session")
def registry():
    return discover()


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
