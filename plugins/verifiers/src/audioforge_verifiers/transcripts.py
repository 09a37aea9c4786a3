"""What verifiers that compare transcripts take from the run."""

from __future__ import annotations

from typing import ClassVar

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.normalizers import NAMES, Normalizer, get_normalizer


class TranscriptVerifier(Verifier):
    """A verifier of transcripts, normalised, with a threshold of its own or else the run's.

    Args:
        threshold: Error rate up to which a transcript passes; None for the run's `wer_threshold`.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    normalizers = NAMES

    def __init__(self, threshold: float | None = None) -> None:
        """Take the threshold; the normaliser comes with `setup`."""
        self._threshold = threshold
        self._normalize: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser and threshold."""
        self._normalize = get_normalizer(context.normalizer)
        if self._threshold is None:
            self._threshold = context.wer_threshold

    def compared(self, sample: AudioSample, hypothesis: Hypothesis) -> str:
        """Return the normalised transcript."""
        if self._normalize is None:
            raise RuntimeError("setup comes before compared")
        return self._normalize(hypothesis.text or "")
