"""Clips that are ready for the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from attrs import field, frozen

from audioforge.huggingface.remembered import Remembered
from audioforge.sample import AudioSample


@frozen(eq=False)
class WhisperBatch:
    """Prepared clips.

    Attributes:
        samples: What is known about each clip.
        seconds: How long each clip is, without the silence that fills the window.
        features: Log-mel spectrograms, float32, shape (clips, mels, frames); None where a frozen
            encoder has encoded them.
        encoded: Output of a frozen encoder, shape (clips, positions, width); else None.
        remembered: Output of the encoder: clips that are sampled twice are encoded once.
    """

    samples: tuple[AudioSample, ...]
    seconds: tuple[float, ...]
    features: torch.Tensor | None
    encoded: torch.Tensor | None = None
    remembered: Remembered = field(factory=Remembered)

    def part(self, rows: Sequence[int]) -> WhisperBatch:
        """Return some of the clips, given by their numbers."""
        chosen = list(rows)
        return WhisperBatch(
            tuple(self.samples[row] for row in rows),
            tuple(self.seconds[row] for row in rows),
            None if self.features is None else self.features[chosen],
            None if self.encoded is None else self.encoded[chosen],
            self.remembered.part(chosen),
        )
