"""What a model itself wrote, on disk: the spectrogram or the latents that a sound was made of.

A vocoder or a codec loses some of it. What is learnt is what was drawn, not an analysis of its
sound: that would teach the model the artefacts of its own vocoder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from audioforge.errors import AudioError, TrainingError
from audioforge.files import atomic

NAME = "features"
"""Name of the only tensor of a file."""

SUFFIX = ".safetensors"


def write_features(features: np.ndarray, path: Path, what: str) -> None:
    """Write what a model wrote, beside the sound of it.

    Args:
        features: Any shape, of a type of numbers that NumPy and safetensors share.
        path: Where to.
        what: The hypothesis, for messages.

    Raises:
        TrainingError: If it is no such array, holds NaN or infinite values, or cannot be written.
    """
    if not isinstance(features, np.ndarray) or features.dtype.kind not in "fiu":
        found = features.dtype if isinstance(features, np.ndarray) else type(features).__name__
        raise TrainingError(f"{what}: the model must give features as an array, not {found}")
    if not np.isfinite(features).all():
        raise TrainingError(
            f"{what}: the model's features hold NaN or infinite values. Lower --temperature or "
            f"--learning-rate, or use --dtype float32."
        )
    try:
        with atomic.new_file(path) as temporary:
            temporary.write_bytes(save({NAME: np.ascontiguousarray(features)}))
    except OSError as error:
        raise TrainingError(f"{what}: {path} cannot be written: {error}") from error


def read_features(path: Path) -> np.ndarray:
    """Return what `write_features` wrote.

    Raises:
        AudioError: If the file is gone or damaged.
    """
    try:
        return load_file(path)[NAME]
    except (OSError, SafetensorError, KeyError) as error:
        raise AudioError(f"{path}: the model's features cannot be read: {error}") from error
