"""From clips to what a network reads, by the checkpoint's own feature extractor.

Whisper and AST read a fixed window: a longer clip is refused, since their feature extractors would
cut it without a word. The others read any length. Clips of different length are padded only where
the network then ignores the padding: where the feature extractor makes an attention mask, and the
first convolution normalises each frame by itself. Elsewhere (group norm, as in `wav2vec2-base`)
padding would change what the network says, so that only clips of equal length go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from attrs import frozen

from audioforge.errors import CheckpointError
from audioforge_classification.limits import FBANK_FRAME, FBANK_HOP, longest_fbank


@frozen(eq=False)
class Part:
    """Clips of a batch that the network reads together.

    Attributes:
        rows: Their places in the batch.
        inputs: Keyword arguments of the network.
    """

    rows: list[int]
    inputs: dict[str, torch.Tensor]


class Features:
    """A feature extractor with the limits that belong to it.

    Args:
        extractor: What `AutoFeatureExtractor` read.
        config: Configuration of the network.
    """

    def __init__(self, extractor: Any, config: Any) -> None:
        self.extractor = extractor
        self.sampling_rate = int(extractor.sampling_rate)
        self.max_samples, self.min_samples = _limits(extractor, config)
        masks = getattr(extractor, "return_attention_mask", False)
        by_frame = getattr(config, "feat_extract_norm", "layer") == "layer"
        self._pads = self.max_samples is not None or (masks and by_frame)

    def parts(self, waveforms: Sequence[np.ndarray]) -> list[Part]:
        """Return what the network reads, on the CPU, in float32.

        Args:
            waveforms: Each float32, shape (samples,), within the limits.
        """
        groups: dict[int, list[int]] = {}
        for row, waveform in enumerate(waveforms):
            groups.setdefault(0 if self._pads else len(waveform), []).append(row)
        return [Part(rows, self._extract([waveforms[r] for r in rows])) for rows in groups.values()]

    def _extract(self, waveforms: list[np.ndarray]) -> dict[str, torch.Tensor]:
        # The default of a fixed window is to fill it; the others would not pad.
        padding = {} if self.max_samples is not None else {"padding": True}
        with torch.autocast("cpu", enabled=False):  # spectrograms stay float32
            return dict(
                self.extractor(
                    waveforms, sampling_rate=self.sampling_rate, return_tensors="pt", **padding
                )
            )


def check_window(location: str, extractor: Any, config: Any) -> None:
    """Check that the feature extractor makes what a network that reads spectrograms takes.

    Raises:
        CheckpointError: If it makes another number of frames or mels.
    """
    if config.model_type == "whisper":
        frames = 2 * config.max_source_positions  # the second convolution has stride 2
        made = (extractor.feature_size, extractor.nb_max_frames)
    elif config.model_type == "audio-spectrogram-transformer":
        frames = config.max_length
        made = (extractor.num_mel_bins, extractor.max_length)
    elif config.model_type == "wav2vec2-bert":
        _check_width(location, extractor, config)
        return
    else:
        return
    if made != (config.num_mel_bins, frames):
        raise CheckpointError(
            f"{location}: the feature extractor makes {made[0]} mels × {made[1]} frames, the "
            f"network reads {config.num_mel_bins} mels × {frames} frames. Use the preprocessor "
            f"configuration that belongs to the model."
        )


def _check_width(location: str, extractor: Any, config: Any) -> None:
    """Check that stacked frames are as wide as Wav2Vec2-BERT reads them."""
    mels, stride = getattr(extractor, "num_mel_bins", 0), getattr(extractor, "stride", 0)
    width, makes = config.feature_projection_input_dim, extractor.model_input_names[0]
    if mels * stride != width or makes != "input_features":
        raise CheckpointError(
            f"{location}: the network reads input_features of {width} numbers a frame, and "
            f"preprocessor_config.json makes {makes}, num_mel_bins {mels} × stride {stride}, by "
            f"the feature_extractor_type {type(extractor).__name__}. Use the preprocessor "
            f"configuration that belongs to the model."
        )


def _limits(extractor: Any, config: Any) -> tuple[int | None, int]:
    """Return the longest and the shortest clip in samples; None where any length will do."""
    if config.model_type == "whisper":
        return extractor.n_samples, extractor.n_fft
    if config.model_type == "audio-spectrogram-transformer":
        return longest_fbank(extractor.max_length), FBANK_FRAME
    if config.model_type == "wav2vec2-bert":
        return None, FBANK_FRAME + FBANK_HOP * (extractor.stride - 1)
    shortest = 1
    for kernel, stride in zip(config.conv_kernel[::-1], config.conv_stride[::-1], strict=True):
        shortest = (shortest - 1) * stride + kernel
    return None, shortest
