"""Log-mel spectrograms of single clips, kept without the silence that fills the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch


def spectrogram(extractor: Any, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    """Compute a clip's log-mel spectrogram as the feature extractor does.

    Args:
        extractor: A `WhisperFeatureExtractor`.
        waveform: float32, shape (samples,), no longer than the window.

    Returns:
        `frames`, float32, shape (mels, frames), up to the last frame that is not silence, and
        `silence`, the one value of all frames after it, shape ().
    """
    with torch.autocast("cpu", enabled=False):  # spectrograms stay float32
        whole = extractor(
            [waveform], sampling_rate=extractor.sampling_rate, return_tensors="pt"
        ).input_features[0]
    silence = whole[-1, -1]
    heard = (whole != silence).any(dim=0).nonzero()
    count = int(heard[-1]) + 1 if len(heard) else 0
    return {"frames": whole[:, :count].clone(), "silence": silence.clone()}


def whole_window(extractor: Any, rows: Sequence[Mapping[str, torch.Tensor]]) -> torch.Tensor:
    """Return the spectrograms of clips, filled up to the window.

    Args:
        extractor: A `WhisperFeatureExtractor`.
        rows: What `spectrogram` returned of each clip.

    Returns:
        float32, shape (clips, mels, frames).
    """
    shape = (len(rows), extractor.feature_size, extractor.nb_max_frames)
    window = torch.empty(shape, dtype=torch.float32)
    for clip, row in zip(window, rows, strict=True):
        count = row["frames"].shape[-1]
        clip[:, :count] = row["frames"]
        clip[:, count:] = row["silence"]
    return window
