"""What the contract tests check the adapter with: a small SpeechT5 that has learnt nothing."""

from __future__ import annotations

from pathlib import Path

import attrs

from audioforge.sample import Hypothesis
from audioforge_kit import ModelExample
from audioforge_speecht5.untrained import NANO, NANO_VOCODER, model_config, write_untrained

SMALL = {
    **NANO,
    "reduction_factor": 2,
    "hidden_size": 48,
    "decoder_layers": 2,
    "initializer_range": 0.1,
}


def example(folder: Path) -> ModelExample:
    """Return a voice with random weights, three texts, and recordings of them."""
    write_untrained(folder / "checkpoint", model_config(**SMALL), NANO_VOCODER)
    said = ("one two", "three", "turn the second valve")
    given = ModelExample.speaking(folder / "checkpoint", "tts", said, 16_000)
    spoken = tuple(Hypothesis(audio=c.waveform, sampling_rate=16_000) for c in given.clips)
    return attrs.evolve(given, targets=spoken)
