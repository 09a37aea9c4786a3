"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import ModelSpec

AUDIOFORGE_API = 4

CHECKPOINTS = (KnownCheckpoint("eustlb/pocket-tts", 89_451_778, "English, 24 kHz"),)
"""Public checkpoints; the tests count the weights of each."""


@hookimpl
def register_models() -> list[ModelSpec]:
    """Return the text-to-speech adapter."""
    return [
        ModelSpec(
            name="pocket-tts",
            summary="Text to speech: Pocket TTS",
            factory="audioforge_pocket_tts.adapter:PocketTTSAdapter",
            example="audioforge_pocket_tts.example:example",
            serves=(Serves("tts", "pocket_tts", ("PocketTTSForConditionalGeneration",)),),
            checkpoints=CHECKPOINTS,
        )
    ]
