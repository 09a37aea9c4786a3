"""The model families that are served: data only, nothing heavy is imported."""

from __future__ import annotations

from attrs import frozen


@frozen
class Family:
    """A kind of model that Transformers can put a classification head on.

    Attributes:
        model_type: As in `config.json`.
        classifier: The architecture with a head.
        bases: Architectures without one, whose encoder can get a new head.
        low_rank: The linear layers that a low-rank update is added to.
    """

    model_type: str
    classifier: str
    bases: tuple[str, ...]
    low_rank: tuple[str, ...] = ("q_proj", "v_proj")


def _speech_encoder(
    model_type: str, name: str, *others: str, low_rank: tuple[str, ...] = ("q_proj", "v_proj")
) -> Family:
    """Return a family of speech encoders, which share the names of their architectures."""
    bases = tuple(f"{name}{end}" for end in ("Model", "ForCTC", *others))
    return Family(model_type, f"{name}ForSequenceClassification", bases, low_rank)


FAMILIES = (
    Family(
        "whisper",
        "WhisperForAudioClassification",
        ("WhisperForConditionalGeneration", "WhisperModel"),
    ),
    Family("audio-spectrogram-transformer", "ASTForAudioClassification", ("ASTModel",)),
    _speech_encoder("wav2vec2", "Wav2Vec2", "ForPreTraining"),
    _speech_encoder("hubert", "Hubert"),
    # WavLM's attention reads the weights of its projections past their modules, so that updates of
    # these would do nothing.
    _speech_encoder("wavlm", "WavLM", low_rank=("intermediate_dense", "output_dense")),
    _speech_encoder("data2vec-audio", "Data2VecAudio"),
    _speech_encoder("unispeech", "UniSpeech", "ForPreTraining"),
    _speech_encoder("unispeech-sat", "UniSpeechSat", "ForPreTraining"),
    _speech_encoder("wav2vec2-bert", "Wav2Vec2Bert", low_rank=("linear_q", "linear_v")),
)
"""What Transformers maps to an audio classifier, but for SEW, SEW-D and Wav2Vec2-Conformer."""


def family_of(model_type: str) -> Family | None:
    """Return the family of a model type, or None."""
    return next((f for f in FAMILIES if f.model_type == model_type), None)
