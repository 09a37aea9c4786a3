"""The exporter `ctranslate2`: a Whisper for CTranslate2, which faster-whisper loads too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from audioforge.exporter import Exporter, Transcribe
from audioforge.sample import Clip
from audioforge_export.libraries import require
from audioforge_export.whisper_folder import WhisperFolder, write_beside
from audioforge_whisper.checkpoint import Checkpoint, read_checkpoint


class CTranslate2Exporter(Exporter):
    """Converts by CTranslate2's own converter, from the checkpoint as AudioForge reads it.

    By itself the converter would take an old generation configuration without language tokens, and
    a tokenizer with more tokens than the network has outputs.
    """

    def __init__(self, quantize: str | None = None) -> None:
        """Create the exporter; see `HalfOrEight`.

        Raises:
            PluginError: If CTranslate2 cannot be imported.
        """
        require("ctranslate2", "ctranslate2")
        self._quantize = quantize

    def export(self, checkpoint: Path, folder: Path) -> None:
        """Write `model.bin`, `config.json`, the vocabulary, and what faster-whisper looks for.

        Raises:
            CheckpointError: If the checkpoint is no Whisper for transcription.
        """
        read = read_checkpoint(str(checkpoint))
        converter = _converter(checkpoint, read)
        converter.convert(str(folder), quantization=self._quantize or "float32", force=True)
        write_beside(read, folder)

    def load(self, folder: Path) -> Transcribe:
        """Load the folder with CTranslate2, which decodes greedily."""
        import ctranslate2

        files = WhisperFolder(folder)
        model = ctranslate2.models.Whisper(str(folder), intra_threads=torch.get_num_threads())
        self.compute_type = model.compute_type  # float32 where the processor has no float16

        def transcribe(clips: Sequence[Clip]) -> list[str]:
            prompts = [files.prompt(clip) for clip in clips]
            results = model.generate(
                ctranslate2.StorageView.from_array(files.features(clips)),
                prompts,
                beam_size=1,
                max_length=2 * files.longest,  # of which it gives the transcript half
            )
            return [files.text(result.sequences_ids[0]) for result in results]

        return transcribe


def _converter(checkpoint: Path, read: Checkpoint) -> Any:
    """Return CTranslate2's converter, for what is read already."""
    from ctranslate2.converters import TransformersConverter

    outputs = read.model.config.vocab_size
    vocabulary = read.processor.tokenizer.get_vocab()
    spoken = {token: number for token, number in vocabulary.items() if number < outputs}

    class Converter(TransformersConverter):  # type: ignore[misc]  # it has no types
        def load_model(self, *arguments: Any, **named: Any) -> Any:
            return read.model

        def load_tokenizer(self, *arguments: Any, **named: Any) -> Any:
            return SimpleNamespace(get_vocab=lambda: spoken)

    return Converter(str(checkpoint))
