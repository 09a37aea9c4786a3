"""The contract of an augmentation: training clips as they might have sounded elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from audioforge.sample import AudioSample


class Augmentation(ABC):
    """Changes the sound of training clips. Created with its options; holds nothing between clips.

    What it makes of a clip is sampled and learnt for one cycle; in the next cycle it is called
    again, with other draws. Clips that a model is measured on never pass through it.

    Attributes:
        keeps_length: Whether what it returns is as long as what it is given. What is not is
            looked at once more: whether the model can take a clip of that length.
    """

    keeps_length: ClassVar[bool] = True

    def sounds(self) -> Sequence[AudioSample]:
        """Return the sound that it reads: what a run that goes on must find as it was.

        Returns:
            A sample for each recording or part of one, with an id of its own.
        """
        return ()

    @abstractmethod
    def augment(
        self, waveform: np.ndarray, sampling_rate: int, draw: np.random.Generator
    ) -> np.ndarray:
        """Return a clip as it might have sounded.

        Args:
            waveform: float32, mono, shape (frames,), full scale 1; not to be written to.
            sampling_rate: Sampling rate of the waveform, in Hz.
            draw: Where every random number must come from: keyed by the run's seed, the cycle and
                the clip, so that a clip sounds the same whenever it is read again in a cycle.

        Returns:
            float32, shape (frames,), finite, at the same sampling rate.
        """
