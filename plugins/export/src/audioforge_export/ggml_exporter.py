"""The exporter `ggml`: a Whisper for whisper.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.convert_slow_tokenizer import bytes_to_unicode

from audioforge.errors import CheckpointError
from audioforge.exporter import Exporter, Transcribe
from audioforge.sample import Clip
from audioforge_export.ggml_file import (
    BLOCK,
    FLOAT16,
    FLOAT32,
    Q8_0,
    write_filters,
    write_header,
    write_tensor,
    write_vocabulary,
)
from audioforge_export.ggml_names import ggml_name
from audioforge_export.libraries import require
from audioforge_export.whisper_folder import WhisperFolder, write_beside
from audioforge_whisper.checkpoint import Checkpoint, read_checkpoint

MODEL = "ggml-model.bin"
ENGLISH, OLD, NEW = 51_864, 51_865, 51_866
"""Sizes of OpenAI's vocabularies: English, 99 languages, 100 languages."""
WINDOW, HOP = 480_000, 160
"""Samples that whisper.cpp hears at a time, and from frame to frame; both are fixed."""


class GgmlExporter(Exporter):
    """Writes whisper.cpp's own format, in float16 as its `convert-h5-to-ggml.py` does."""

    def __init__(self, quantize: str | None = None) -> None:
        """Create the exporter; see `Eight`.

        Raises:
            PluginError: If whisper.cpp's binding, which measures, cannot be imported.
        """
        require("ggml", "pywhispercpp.model")
        self._precision = quantize or "float16"

    def export(self, checkpoint: Path, folder: Path) -> None:
        """Write `ggml-model.bin`, and beside it what it was made from says of decoding.

        Raises:
            CheckpointError: If it is no Whisper for transcription, or one that whisper.cpp would
                misread.
        """
        read = read_checkpoint(str(checkpoint))
        _check(str(checkpoint), read)
        config = read.model.config
        sizes = (
            config.vocab_size,
            *(config.max_source_positions, config.d_model),
            *(config.encoder_attention_heads, config.encoder_layers),
            *(config.max_target_positions, config.d_model),
            *(config.decoder_attention_heads, config.decoder_layers),
            config.num_mel_bins,
        )
        with (folder / MODEL).open("wb") as file:
            write_header(file, sizes, self._precision)
            write_filters(file, read.processor.feature_extractor.mel_filters.T)
            write_vocabulary(file, _words(read))
            for name, tensor in read.model.model.state_dict().items():
                values = _shaped(name, tensor.float().cpu().numpy())
                write_tensor(file, ggml_name(name), values, self._kind(name, values))
        write_beside(read, folder)

    def _kind(self, name: str, values: np.ndarray) -> int:
        """Return how a tensor is stored."""
        is_vector = values.ndim < 2 or values.shape[-1] == 1
        if is_vector or "embed_positions" in name:
            return FLOAT32
        in_blocks = values.ndim == 2 and values.shape[-1] % BLOCK == 0
        return Q8_0 if self._precision == "int8" and in_blocks else FLOAT16

    def load(self, folder: Path) -> Transcribe:
        """Load the file with whisper.cpp, which decodes greedily and writes no timestamps."""
        from pywhispercpp.model import Model

        files = WhisperFolder(folder)
        model = Model(
            str(folder / MODEL),
            redirect_whispercpp_logs_to=None,
            n_threads=torch.get_num_threads(),
            print_progress=False,
            no_timestamps=True,
            single_segment=True,
            suppress_nst=True,
            temperature_inc=0.0,  # no second try
            greedy={"best_of": 1},
        )

        def text(clip: Clip) -> str:
            segments = model.transcribe(clip.waveform, language=files.language(clip))
            return "".join(segment.text for segment in segments).strip()

        def transcribe(clips: Sequence[Clip]) -> list[str]:
            return [text(clip) for clip in clips]

        return transcribe


def _check(location: str, read: Checkpoint) -> None:
    """Refuse what whisper.cpp would misread: it knows three vocabularies and one window.

    Raises:
        CheckpointError: Naming what is different.
    """
    size, extractor = read.model.config.vocab_size, read.processor.feature_extractor
    if (extractor.n_samples, extractor.hop_length) != (WINDOW, HOP):
        raise CheckpointError(
            f"{location}: whisper.cpp hears 30 s at a time in steps of 10 ms, and this model "
            f"{extractor.n_samples / extractor.sampling_rate:g} s in steps of "
            f"{1000 * extractor.hop_length / extractor.sampling_rate:g} ms. Export it as "
            f"ctranslate2 or onnx."
        )
    if size not in (ENGLISH, OLD, NEW):
        raise CheckpointError(
            f"{location}: whisper.cpp takes the number of languages from the size of the "
            f"vocabulary, which must be {ENGLISH:,}, {OLD:,} or {NEW:,}, and here is {size:,}: "
            f"tokens were added or removed. Fine-tune with the base's own tokenizer, or export as "
            f"ctranslate2 or onnx."
        )
    end = 50_256 if size == ENGLISH else 50_257
    languages = size - ENGLISH + 98 if size > ENGLISH else 99
    expected = {
        "<|endoftext|>": end,
        "<|startoftranscript|>": end + 1,
        "<|transcribe|>": end + languages + 3,
        "<|notimestamps|>": end + languages + 7,
    }
    vocabulary = read.processor.tokenizer.get_vocab()
    for token, number in expected.items():
        if vocabulary.get(token) != number:
            raise CheckpointError(
                f"{location}: whisper.cpp expects {token} at {number} in a vocabulary of "
                f"{size:,}, and the tokenizer has it at {vocabulary.get(token)}. Use the tokenizer "
                f"of OpenAI's checkpoint, or export as ctranslate2 or onnx."
            )


def _words(read: Checkpoint) -> list[bytes]:
    """Return the tokens that are text, as bytes; whisper.cpp knows the others itself."""
    vocabulary: dict[str, int] = read.processor.tokenizer.get_vocab()
    letters = {letter: number for number, letter in bytes_to_unicode().items()}
    end = vocabulary["<|endoftext|>"]
    spoken = sorted((number, token) for token, number in vocabulary.items() if number < end)
    return [bytes(letters[letter] for letter in token) for _, token in spoken]


def _shaped(name: str, values: np.ndarray) -> np.ndarray[Any, Any]:
    """Return a tensor as whisper.cpp has it: the bias of a convolution is a column."""
    is_bias = name.endswith(("conv1.bias", "conv2.bias"))
    return values[:, None] if is_bias else values
