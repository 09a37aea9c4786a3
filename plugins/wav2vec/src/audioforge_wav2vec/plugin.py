"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import ModelSpec
from audioforge_wav2vec.families import FAMILIES

AUDIOFORGE_API = 4

CHECKPOINTS = (
    KnownCheckpoint("facebook/wav2vec2-base-960h", 94_396_320, "English"),
    KnownCheckpoint("facebook/wav2vec2-large-960h-lv60-self", 315_471_520, "English"),
    KnownCheckpoint("facebook/hubert-large-ls960-ft", 315_471_520, "English"),
    KnownCheckpoint("patrickvonplaten/wavlm-libri-clean-100h-base-plus", 94_405_775, "English"),
    KnownCheckpoint("facebook/data2vec-audio-base-960h", 93_188_896, "English"),
)
"""Public checkpoints; the tests count the weights of each architecture."""


@hookimpl
def register_models() -> list[ModelSpec]:
    """Return the CTC adapter."""
    return [
        ModelSpec(
            name="wav2vec",
            summary="CTC speech recognition: Wav2Vec2, HuBERT, WavLM and Data2Vec",
            factory="audioforge_wav2vec.adapter:Wav2VecAdapter",
            example="audioforge_wav2vec.example:example",
            limits="audioforge_wav2vec.limits:limits",
            serves=tuple(
                Serves(task="asr", model_type=model_type, architectures=(architecture,))
                for model_type, architecture in FAMILIES.items()
            ),
            checkpoints=CHECKPOINTS,
        )
    ]
