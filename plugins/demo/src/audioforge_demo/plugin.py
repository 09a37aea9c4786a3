"""What this distribution provides, besides the command `audioforge demo`."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import DatasetSpec

AUDIOFORGE_API = 4


@hookimpl
def register_datasets() -> list[DatasetSpec]:
    """Register the demo's corpora."""
    return [
        DatasetSpec(
            name="demo",
            summary="Spoken digits: splits train and heldout (new voice, noise), source (known); "
            "commands with labels: commands-train, commands-heldout, commands-source; texts to "
            "speak: voice-train, voice-heldout.",
            tasks=("asr", "classification", "tts"),
            factory="audioforge_demo.dataset:demo_dataset",
            example="audioforge_demo.example:example",
            size="0.3 h, 3 MB, installed with the demo",
            licence="CC0-1.0, synthesised speech",
        )
    ]
