"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import ExporterSpec

AUDIOFORGE_API = 4


@hookimpl
def register_exporters() -> list[ExporterSpec]:
    """Return an exporter for each engine."""
    return [
        ExporterSpec(
            name="ctranslate2",
            summary="Whisper for CTranslate2 and faster-whisper; quantize=float16 or int8",
            factory="audioforge_export.ctranslate2_exporter:CTranslate2Exporter",
            options="audioforge_export.options:HalfOrEight",
            example="audioforge_export.example:ctranslate2",
            tasks=("asr",),
        ),
        ExporterSpec(
            name="onnx",
            summary="Whisper, CTC models and classifiers for ONNX Runtime; quantize=int8",
            factory="audioforge_export.onnx_exporter:OnnxExporter",
            options="audioforge_export.options:Eight",
            example="audioforge_export.example:onnx",
            tasks=("asr", "classification"),
        ),
        ExporterSpec(
            name="ggml",
            summary="Whisper for whisper.cpp, in float16; quantize=int8 is its q8_0",
            factory="audioforge_export.ggml_exporter:GgmlExporter",
            options="audioforge_export.options:Eight",
            example="audioforge_export.example:ggml",
            tasks=("asr",),
        ),
    ]
