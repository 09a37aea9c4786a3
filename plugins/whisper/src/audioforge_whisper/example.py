"""What the contract tests check the adapter with: a small Whisper that has learnt nothing."""

from __future__ import annotations

from pathlib import Path

from audioforge_kit import ModelExample
from audioforge_whisper.untrained import Architecture, write_untrained

ARCHITECTURE = Architecture(
    width=32,
    heads=2,
    encoder_layers=1,
    decoder_layers=1,
    text_tokens=500,
    timestamps=201,
    window_seconds=4,
)


def example(folder: Path) -> ModelExample:
    """Return a multilingual model with random weights, and three clips."""
    write_untrained(folder / "checkpoint", ARCHITECTURE)
    said = ("one two", "three", "turn the second valve")
    return ModelExample.speaking(folder / "checkpoint", "asr", said, 16_000)
