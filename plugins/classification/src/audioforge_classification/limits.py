"""What a classifier can take, without loading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.files.feature_extractor import feature_extractor_settings, number_of
from audioforge.specs import Limits
from audioforge_classification.families import family_of

GENERIC_LABEL = re.compile(r"LABEL_\d+")
"""What Transformers calls the outputs of a checkpoint that does not name them."""

FBANK_FRAME = 400
"""Samples of a frame of Kaldi's filter banks at 16 kHz: 25 ms."""

FBANK_HOP = 160
"""Samples between frames of Kaldi's filter banks at 16 kHz: 10 ms."""

FBANK_RATE_HZ = 16_000
CHUNK_SECONDS = 30


def limits(config: Mapping[str, Any], folder: Path) -> Limits:
    """Return window and classes of a checkpoint; a model without a head has no classes yet.

    Args:
        config: Content of its config.json.
        folder: Where its feature extractor's settings are.

    Raises:
        CheckpointError: If these cannot be read.
    """
    return Limits(max_seconds=_window(config, folder), labels=_labels(config))


def longest_fbank(frames: int) -> int:
    """Return the longest clip, in samples, of which Kaldi's filter banks make so many frames."""
    # The first length with one more frame is one sample longer.
    return FBANK_FRAME + FBANK_HOP * frames - 1


def _window(config: Mapping[str, Any], folder: Path) -> float | None:
    model_type = config.get("model_type")
    if model_type == "whisper":
        settings = feature_extractor_settings(folder)
        return number_of(settings, "chunk_length", CHUNK_SECONDS, folder)
    if model_type == "audio-spectrogram-transformer":
        settings = feature_extractor_settings(folder)
        frames = number_of(settings, "max_length", 1024, folder)
        rate = number_of(settings, "sampling_rate", FBANK_RATE_HZ, folder)
        return longest_fbank(int(frames)) / rate
    return None


def _labels(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    family = family_of(str(config.get("model_type")))
    names = config.get("id2label")
    if family is None or family.classifier not in (config.get("architectures") or ()):
        return None
    if not isinstance(names, dict) or all(GENERIC_LABEL.fullmatch(str(n)) for n in names.values()):
        return None
    return tuple(map(str, names.values()))
