"""Reading checkpoints: the model with its tokenizer, feature extractor, vocoder and voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen
from transformers import (
    SpeechT5FeatureExtractor,
    SpeechT5ForTextToSpeech,
    SpeechT5Processor,
    SpeechT5Tokenizer,
)

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_folder import locate
from audioforge.hub.snapshot import fetch, fetch_checkpoint
from audioforge.huggingface.checkpoint import read_model, read_model_config, read_part
from audioforge_speecht5.vocoder import Vocoder, read_vocoder
from audioforge_speecht5.voice import OWN, Voices

ARCHITECTURE = "SpeechT5ForTextToSpeech"


@frozen(eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: The network, float32.
        processor: Feature extractor and tokenizer.
        vocoder: What makes sound of its spectrograms.
        voices: What finds whose voice speaks.
    """

    model: Any
    processor: SpeechT5Processor
    vocoder: Vocoder
    voices: Voices


def read_checkpoint(location: str, device: str) -> Checkpoint:
    """Read a local folder or a hub id.

    Args:
        location: A local folder or a hub id.
        device: A torch device, for vocoder and speaker encoder; the model stays on the CPU.

    Raises:
        CheckpointError: If it is missing, damaged, pickled, or not SpeechT5 for text to speech, or
            there is no vocoder.
    """
    config = read_model_config(location)
    if config.model_type != "speecht5" or ARCHITECTURE not in (config.architectures or ()):
        raise CheckpointError(
            f"{location}: not SpeechT5 for text to speech: config.json says model_type "
            f"'{config.model_type}', architectures {config.architectures}. Choose a checkpoint "
            f"whose architecture is {ARCHITECTURE}."
        )
    extractor = read_part(location, "feature extractor", SpeechT5FeatureExtractor.from_pretrained)
    tokenizer = read_part(location, "tokenizer files", SpeechT5Tokenizer.from_pretrained)
    _check_fit(location, config, extractor, tokenizer)
    model = read_model(location, SpeechT5ForTextToSpeech)
    files = locate(location, fetch_checkpoint).files
    return Checkpoint(
        model,
        SpeechT5Processor(extractor, tokenizer),
        read_vocoder(location, files, extractor, device),
        Voices(
            _with_voice(location, files),
            config.speaker_embedding_dim,
            extractor.sampling_rate,
            device,
        ),
    )


def _with_voice(location: str, files: Path) -> Path:
    """Return the folder with the checkpoint's voice, which is fetched from the hub by itself."""
    return files if Path(location).expanduser().is_dir() else fetch(location, [OWN])


def _check_fit(location: str, config: Any, extractor: Any, tokenizer: Any) -> None:
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"{location}: its tokenizer has {len(tokenizer)} tokens, the model "
            f"{config.vocab_size}: they are of two models. Copy or save the checkpoint again."
        )
    if extractor.num_mel_bins != config.num_mel_bins:
        raise CheckpointError(
            f"{location}: its feature extractor has {extractor.num_mel_bins} bands, the model "
            f"{config.num_mel_bins}: they are of two models. Copy or save the checkpoint again."
        )
