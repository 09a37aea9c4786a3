"""Reading checkpoints: a Whisper with the tokenizer and feature extractor that fit it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from audioforge.errors import CheckpointError
from audioforge.huggingface.checkpoint import read_model, read_model_config, read_part
from audioforge_whisper.generation_file import FILE, check_generation_file
from audioforge_whisper.prompts import complete_generation_config

ARCHITECTURE = "WhisperForConditionalGeneration"


@frozen(eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: The network, float32.
        processor: Feature extractor and tokenizer.
    """

    model: WhisperForConditionalGeneration
    processor: Any


def read_checkpoint(location: str) -> Checkpoint:
    """Read a local folder or a hub id.

    Raises:
        CheckpointError: If it is missing, damaged, pickled, or not a Whisper for transcription.
    """
    # The small files first: what is wrong with them is found before the weights are read.
    config = read_model_config(location)
    if config.model_type != "whisper" or ARCHITECTURE not in (config.architectures or ()):
        raise CheckpointError(
            f"{location}: not a Whisper for transcription: config.json says model_type "
            f"'{config.model_type}', architectures {config.architectures}. Choose a checkpoint "
            f"whose architecture is {ARCHITECTURE}."
        )
    processor = read_part(
        location, "tokenizer or processor files", WhisperProcessor.from_pretrained
    )
    _check_window(location, config, processor.feature_extractor)
    _check_tokenizer(location, config, processor.tokenizer)
    vocabulary = processor.tokenizer.get_vocab()
    read_part(
        location,
        FILE,
        lambda folder: check_generation_file(Path(folder), vocabulary, config.vocab_size),
    )
    # Then the weights, and what decoding needs that an old generation file may lack.
    model = read_model(
        location,
        WhisperForConditionalGeneration,
        attn_implementation="sdpa",
        output_attentions=False,  # which this attention has not
    )
    try:
        complete_generation_config(model.generation_config, processor.tokenizer, config)
    except KeyError as error:
        raise CheckpointError(
            f"{location}: the tokenizer has no {error}; add the tokenizer files of the Whisper "
            f"checkpoint that this one was made from."
        ) from error
    read_part(  # what could not be saved is better said now
        location, FILE, lambda _: model.generation_config.validate(strict=True)
    )
    return Checkpoint(model, processor)


def _check_window(location: str, config: Any, extractor: Any) -> None:
    """Check that the feature extractor makes what the encoder reads."""
    frames = 2 * config.max_source_positions  # the second convolution has stride 2
    if extractor.nb_max_frames != frames or extractor.feature_size != config.num_mel_bins:
        raise CheckpointError(
            f"{location}: the feature extractor makes {extractor.feature_size} mels × "
            f"{extractor.nb_max_frames} frames, the encoder reads {config.num_mel_bins} mels × "
            f"{frames} frames. Use the preprocessor configuration that belongs to the model."
        )


def _check_tokenizer(location: str, config: Any, tokenizer: Any) -> None:
    """Check the place of the special tokens; an absent tokenizer.json leaves an empty tokenizer."""
    vocabulary = tokenizer.get_vocab()
    ends = config.eos_token_id
    end = next(iter(ends), None) if isinstance(ends, list) else ends
    expected = (
        ("<|endoftext|>", "eos_token_id", end),
        ("<|startoftranscript|>", "decoder_start_token_id", config.decoder_start_token_id),
    )
    for token, key, number in expected:
        if vocabulary.get(token) != number:
            raise CheckpointError(
                f"{location}: the tokenizer puts {token} at {vocabulary.get(token)}, and {key} in "
                f"config.json is {number}: tokenizer.json is missing or of another model. Add the "
                f"tokenizer files of the Whisper checkpoint that this one was made from."
            )
