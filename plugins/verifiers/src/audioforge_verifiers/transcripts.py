"""What verifiers that compare transcripts take from the run."""

from __future__ import annotations

from typing import ClassVar

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.normalizers import NAMES, Normalizer, get_normalizer

WHISPERS = ("whisper-english", "whisper-basic")
"""Names of normalisers that nobody is advised to take: they join digits and lose vowel signs."""


class TranscriptVerifier(Verifier):
    """A verifier of transcripts, normalised, with a threshold of its own or else the run's.

    Args:
        threshold: Error rate up to which a transcript passes; None for the run's `wer_threshold`.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    normalizers = tuple(name for name in NAMES if name not in WHISPERS)

    def __init__(self, threshold: float | None = None) -> None:
        """Take the threshold; the normaliser comes with `setup`."""
        self._threshold = threshold
        self._normalizer: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser and threshold."""
        self._normalizer = get_normalizer(context.normalizer)
        if self._threshold is None:
            self._threshold = context.wer_threshold

    def compared(self, sample: AudioSample, hypothesis: Hypothesis) -> str:
        """Return the normalised transcript."""
        if self._normalizer is None:
            raise RuntimeError("setup comes before compared")
        return self._normalizer.hypothesis(hypothesis.text or "", sample.language)
