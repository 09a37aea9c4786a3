"""What verifiers that compare transcripts take from the run."""

from __future__ import annotations

from typing import ClassVar

from audioforge.model import Task
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.normalizers import Normalizer, get_normalizer


class TranscriptVerifier(Verifier):
    """A verifier of transcripts, normalised, with a threshold of its own or else the run's.

    Args:
        threshold: Error rate up to which a transcript passes; None for the run's `wer_threshold`.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)

    def __init__(self, threshold: float | None = None) -> None:
        """Take the threshold; the normaliser comes with `setup`."""
        self._threshold = threshold
        self._normalizer: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser and threshold."""
        self._normalizer = get_normalizer(context.normalizer)
        if self._threshold is None:
            self._threshold = context.wer_threshold
