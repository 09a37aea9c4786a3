"""What the contract tests check the exporters with: small models that have learnt nothing."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from audioforge_kit import ExporterExample
from audioforge_whisper.example import ARCHITECTURE
from audioforge_whisper.untrained import SIZES, Architecture, write_untrained


def ctranslate2(folder: Path) -> ExporterExample:
    """Return a small Whisper."""
    return _example(folder, ARCHITECTURE)


def onnx(folder: Path) -> ExporterExample:
    """Return a small Whisper."""
    return _example(folder, ARCHITECTURE)


def ggml(folder: Path) -> ExporterExample:
    """Return a narrow Whisper with the vocabulary and the window of OpenAI's English ones."""
    narrow = evolve(SIZES["tiny.en"], width=32, heads=2, encoder_layers=1, decoder_layers=1)
    return _example(folder, narrow)


def _example(folder: Path, architecture: Architecture) -> ExporterExample:
    write_untrained(folder / "checkpoint", architecture)
    return ExporterExample(checkpoint=folder / "checkpoint")
