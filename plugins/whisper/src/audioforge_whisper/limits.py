"""What a Whisper checkpoint can take, without loading it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.files.feature_extractor import feature_extractor_settings, number_of
from audioforge.specs import Limits

CHUNK_SECONDS = 30
"""What Transformers' feature extractor fills up to where its settings do not say."""


def limits(config: Mapping[str, Any], folder: Path) -> Limits:
    """Return the window of a checkpoint; byte by byte it can write any character.

    Args:
        config: Content of its config.json.
        folder: Where its feature extractor's settings are.

    Raises:
        CheckpointError: If these cannot be read.
    """
    del config
    settings = feature_extractor_settings(folder)
    return Limits(max_seconds=number_of(settings, "chunk_length", CHUNK_SECONDS, folder))
