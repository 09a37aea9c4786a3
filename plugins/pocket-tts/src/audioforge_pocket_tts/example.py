"""What the contract tests check the adapter with: a small Pocket TTS that has learnt nothing."""

from __future__ import annotations

from pathlib import Path

import attrs

from audioforge.sample import Hypothesis
from audioforge_kit import ModelExample
from audioforge_pocket_tts.untrained import (
    NANO,
    NANO_CODEC,
    NANO_DECODING,
    model_config,
    write_untrained,
)


def example(folder: Path) -> ModelExample:
    """Return a voice with random weights, three texts, and recordings of them."""
    write_untrained(folder / "checkpoint", model_config(**NANO), NANO_CODEC, decoding=NANO_DECODING)
    said = ("one two", "three", "turn the second valve")
    given = ModelExample.speaking(folder / "checkpoint", "tts", said, 24_000)
    spoken = tuple(Hypothesis(audio=c.waveform, sampling_rate=24_000) for c in given.clips)
    return attrs.evolve(given, targets=spoken)
