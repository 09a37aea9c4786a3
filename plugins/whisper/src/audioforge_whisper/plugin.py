"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import ModelSpec

AUDIOFORGE_API = 3

CHECKPOINTS = (
    KnownCheckpoint("openai/whisper-tiny", 37_760_640, "99 languages"),
    KnownCheckpoint("openai/whisper-tiny.en", 37_760_256, "English only"),
    KnownCheckpoint("openai/whisper-base", 72_593_920, "99 languages"),
    KnownCheckpoint("openai/whisper-base.en", 72_593_408, "English only"),
    KnownCheckpoint("openai/whisper-small", 241_734_912, "99 languages"),
    KnownCheckpoint("openai/whisper-small.en", 241_734_144, "English only"),
    KnownCheckpoint("openai/whisper-medium", 763_857_920, "99 languages"),
    KnownCheckpoint("openai/whisper-medium.en", 763_856_896, "English only"),
    KnownCheckpoint("openai/whisper-large-v2", 1_543_304_960, "99 languages"),
    KnownCheckpoint("openai/whisper-large-v3", 1_543_490_560, "100 languages, 128 mels"),
    KnownCheckpoint(
        "openai/whisper-large-v3-turbo", 808_878_080, "100 languages, 128 mels, 4 decoder layers"
    ),
)
"""Public checkpoints; the tests count the weights of each architecture."""


@hookimpl
def register_models() -> list[ModelSpec]:
    """Return the Whisper adapter."""
    return [
        ModelSpec(
            name="whisper",
            summary="Whisper speech recognition: any size, English-only and multilingual",
            factory="audioforge_whisper.adapter:WhisperAdapter",
            example="audioforge_whisper.example:example",
            serves=(
                Serves(
                    task="asr",
                    model_type="whisper",
                    architectures=("WhisperForConditionalGeneration",),
                ),
            ),
            checkpoints=CHECKPOINTS,
        )
    ]
