"""What the contract tests check the engine's own augmentations with."""

from __future__ import annotations

from pathlib import Path

import soundfile

from audioforge_kit import AugmentationExample, speech_like


def noise(folder: Path) -> AugmentationExample:
    """Write a recording of noise: another voice does."""
    soundfile.write(folder / "babble.flac", speech_like(1.5, "babble"), 16_000)
    return AugmentationExample(options={"folder": folder, "snr_db": "0-10"})
