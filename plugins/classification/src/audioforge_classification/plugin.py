"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import ModelSpec
from audioforge_classification.families import FAMILIES

AUDIOFORGE_API = 4

CHECKPOINTS = (
    KnownCheckpoint("MIT/ast-finetuned-audioset-10-10-0.4593", 86_594_063, "527 sounds, AST"),
    KnownCheckpoint(
        "MIT/ast-finetuned-speech-commands-v2", 85_395_491, "35 words, clips up to 1.3 s, AST"
    ),
    KnownCheckpoint("superb/wav2vec2-base-superb-ks", 94_571_673, "12 words, Wav2Vec2"),
    KnownCheckpoint("superb/hubert-base-superb-ks", 94_571_673, "12 words, HuBERT"),
)
"""Public checkpoints; the tests count the weights of each architecture."""


@hookimpl
def register_models() -> list[ModelSpec]:
    """Return the adapter. It takes models without a head too, to give them a new one."""
    return [
        ModelSpec(
            name="classification",
            summary="Audio classification: Whisper, AST, Wav2Vec2, HuBERT, WavLM, Data2Vec and kin",
            factory="audioforge_classification.adapter:AudioClassifierAdapter",
            example="audioforge_classification.example:example",
            limits="audioforge_classification.limits:limits",
            serves=tuple(
                Serves(
                    task="classification",
                    model_type=family.model_type,
                    architectures=(family.classifier, *family.bases),
                )
                for family in FAMILIES
            ),
            checkpoints=CHECKPOINTS,
        )
    ]
