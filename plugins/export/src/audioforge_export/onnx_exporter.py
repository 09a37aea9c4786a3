"""The exporter `onnx`: networks for ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transformers import AutoConfig

from audioforge.exporter import Exporter, Transcribe
from audioforge.huggingface.checkpoint import read_model_config
from audioforge_export.libraries import require
from audioforge_export.onnx_files import quantize
from audioforge_export.onnx_single import load_classifier, load_ctc, write_classifier, write_ctc
from audioforge_export.onnx_whisper import load_whisper, write_whisper
from audioforge_wav2vec.families import FAMILIES
from audioforge_whisper.checkpoint import ARCHITECTURE

Write = Callable[[str, Path], None]
Load = Callable[[Path], Transcribe]


class OnnxExporter(Exporter):
    """Whisper as encoder and decoder, a CTC model or a classifier as one network."""

    def __init__(self, quantize: str | None = None) -> None:
        """Create the exporter; see `Eight`.

        Raises:
            PluginError: If ONNX Runtime, or what writes its files, cannot be imported.
        """
        require("onnx", "onnx", "onnxscript", "onnxruntime")
        self._quantize = quantize

    def export(self, checkpoint: Path, folder: Path) -> None:
        """Write the networks, the checkpoint's configuration, and what reads clips and tokens.

        Raises:
            CheckpointError: If the checkpoint is none of these.
        """
        location = str(checkpoint)
        config = read_model_config(location)
        write, _ = _kind(config.architectures or [])
        write(location, folder)
        config.save_pretrained(folder)
        if self._quantize:
            for path in sorted(folder.glob("*.onnx")):
                quantize(path)

    def load(self, folder: Path) -> Transcribe:
        """Load the folder with ONNX Runtime, on the CPU."""
        _, load = _kind(AutoConfig.from_pretrained(folder).architectures or [])
        return load(folder)


def _kind(architectures: list[str]) -> tuple[Write, Load]:
    """Return what writes and what loads a model; a classifier's reader says what is none."""
    if ARCHITECTURE in architectures:
        return write_whisper, load_whisper
    if {*FAMILIES.values()} & {*architectures}:
        return write_ctc, load_ctc
    return write_classifier, load_classifier
