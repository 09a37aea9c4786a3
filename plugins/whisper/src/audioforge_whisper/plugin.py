"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import ModelSpec

AUDIOFORGE_API = 4

FRAMES = 1500
"""That the encoder makes of its window of 30 s."""

TEMPERATURE = 0.6
"""On 200 clips of non-native speech the best of 4 hypotheses of whisper-tiny.en had 22.6 % WER at
0.6 and 27.3 % at 1, greedy decoding 29.2 %: among 51,865 tokens there is always an odd one to
draw."""

BYTES_A_FEATURE = 120
"""What a training step takes for each feature of each frame in each layer of the encoder, in
float32: measured on tiny, where 3 more clips took 0.78 GiB more."""


def _checkpoint(
    size: str, parameters: int, note: str, *, layers: int, width: int
) -> KnownCheckpoint:
    clip_bytes = BYTES_A_FEATURE * FRAMES * layers * width
    return KnownCheckpoint(f"openai/whisper-{size}", parameters, note, clip_bytes)


CHECKPOINTS = (
    _checkpoint("tiny", 37_760_640, "99 languages", layers=4, width=384),
    _checkpoint("tiny.en", 37_760_256, "English only", layers=4, width=384),
    _checkpoint("base", 72_593_920, "99 languages", layers=6, width=512),
    _checkpoint("base.en", 72_593_408, "English only", layers=6, width=512),
    _checkpoint("small", 241_734_912, "99 languages", layers=12, width=768),
    _checkpoint("small.en", 241_734_144, "English only", layers=12, width=768),
    _checkpoint("medium", 763_857_920, "99 languages", layers=24, width=1024),
    _checkpoint("medium.en", 763_856_896, "English only", layers=24, width=1024),
    _checkpoint("large-v2", 1_543_304_960, "99 languages", layers=32, width=1280),
    _checkpoint("large-v3", 1_543_490_560, "100 languages, 128 mels", layers=32, width=1280),
    _checkpoint(
        "large-v3-turbo",
        808_878_080,
        "100 languages, 128 mels, 4 decoder layers",
        layers=32,
        width=1280,
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
            limits="audioforge_whisper.limits:limits",
            serves=(
                Serves(
                    task="asr",
                    model_type="whisper",
                    architectures=("WhisperForConditionalGeneration",),
                ),
            ),
            checkpoints=CHECKPOINTS,
            temperature=TEMPERATURE,
        )
    ]
