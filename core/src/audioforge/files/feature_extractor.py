"""The settings of a checkpoint's feature extractor, read as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_files import read_object

MAX_BYTES = 16 * 2**20


def feature_extractor_settings(folder: Path) -> dict[str, Any]:
    """Return what preprocessor_config.json says, or its part of processor_config.json.

    Raises:
        CheckpointError: If the folder has neither, or they cannot be read.
    """
    own, of_processor = folder / "preprocessor_config.json", folder / "processor_config.json"
    if own.is_file():
        return read_object(own, MAX_BYTES)
    if of_processor.is_file():
        settings = read_object(of_processor, MAX_BYTES).get("feature_extractor")
        if isinstance(settings, dict):
            return settings
    raise CheckpointError(
        f"{folder}: there is no {own.name}, which says how sound is read. Copy it from the "
        f"checkpoint that this one was made from."
    )


def number_of(settings: dict[str, Any], key: str, default: float, path: Path) -> float:
    """Return a number above 0 of a file's settings.

    Raises:
        CheckpointError: If it is none.
    """
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise CheckpointError(f"{path}: {key}: {value!r:.60} is not a number above 0")
    return value
