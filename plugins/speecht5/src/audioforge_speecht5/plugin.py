"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import ModelSpec

AUDIOFORGE_API = 4

CHECKPOINTS = (KnownCheckpoint("microsoft/speecht5_tts", 144_431_684, "English, 16 kHz"),)
"""Public checkpoints; the tests count the weights of each."""


@hookimpl
def register_models() -> list[ModelSpec]:
    """Return the text-to-speech adapter."""
    return [
        ModelSpec(
            name="speecht5",
            summary="Text to speech: SpeechT5",
            factory="audioforge_speecht5.adapter:SpeechT5Adapter",
            example="audioforge_speecht5.example:example",
            serves=(Serves("tts", "speecht5", ("SpeechT5ForTextToSpeech",)),),
            checkpoints=CHECKPOINTS,
        )
    ]
