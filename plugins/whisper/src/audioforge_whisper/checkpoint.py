"""Reading and writing checkpoints: plain Hugging Face folders with safetensors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from huggingface_hub.utils import enable_progress_bars
from transformers import AutoConfig, WhisperForConditionalGeneration, WhisperProcessor
from transformers.utils.logging import disable_progress_bar

from audioforge.errors import CheckpointError
from audioforge_whisper.prompts import complete_generation_config
from audioforge_whisper.shared_attention import ATTENTION

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
    name = str(Path(location).expanduser())
    disable_progress_bar()  # of reading and writing weights, which is quick; and of the hub's
    if sys.stderr.isatty():
        enable_progress_bars()
    try:
        config = AutoConfig.from_pretrained(name)
    except Exception as error:  # a damaged file makes the libraries raise anything
        raise _unreadable(location, "config.json", error) from error
    if config.model_type != "whisper" or ARCHITECTURE not in (config.architectures or ()):
        raise CheckpointError(
            f"{location}: not a Whisper for transcription: config.json says model_type "
            f"'{config.model_type}', architectures {config.architectures}. Choose a checkpoint "
            f"whose architecture is {ARCHITECTURE}."
        )
    model = _read_model(location, name)
    try:
        processor = WhisperProcessor.from_pretrained(name)
    except Exception as error:
        raise _unreadable(location, "tokenizer or processor files", error) from error
    _check_window(location, model.config, processor.feature_extractor)
    _check_tokenizer(location, model.config, processor.tokenizer)
    try:
        complete_generation_config(model.generation_config, processor.tokenizer, model.config)
    except KeyError as error:
        raise CheckpointError(
            f"{location}: the tokenizer has no {error}; add the tokenizer files of the Whisper "
            f"checkpoint that this one was made from."
        ) from error
    return Checkpoint(model, processor)


def _read_model(location: str, name: str) -> WhisperForConditionalGeneration:
    try:
        model, report = WhisperForConditionalGeneration.from_pretrained(
            name,
            dtype=torch.float32,
            use_safetensors=True,
            attn_implementation=ATTENTION,
            output_loading_info=True,
        )
    except Exception as error:
        raise _unreadable(location, "weights", error) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise CheckpointError(
            f"{location}: {len(missing)} weights are missing, such as {missing[0]}: the file is "
            f"incomplete or of another model. Copy or save the checkpoint again."
        )
    return model


def _unreadable(location: str, part: str, error: Exception) -> CheckpointError:
    """Say why a checkpoint cannot be read and how to mend it."""
    folder = Path(location).expanduser()
    if not folder.exists():
        return CheckpointError(
            f"{location}: there is no such folder, and the hub did not provide it: "
            f"{_first_line(error)}. Check the spelling, and the network for a hub id."
        )
    if part == "weights" and _only_pickled(folder):
        return CheckpointError(
            f"{location}: its weights are pickled (pytorch_model.bin), and unpickling can run any "
            f"code. If you trust it, load it once with Transformers and write it back with "
            f"save_pretrained, which writes model.safetensors."
        )
    return CheckpointError(
        f"{location}: cannot read its {part}: {_first_line(error)}. Copy or save the checkpoint "
        f"again, with model, tokenizer and feature extractor in one folder."
    )


def _only_pickled(folder: Path) -> bool:
    return not any(folder.glob("*.safetensors*")) and any(folder.glob("*.bin*"))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


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
    end = config.eos_token_id[0] if isinstance(config.eos_token_id, list) else config.eos_token_id
    expected = {"<|endoftext|>": end, "<|startoftranscript|>": config.decoder_start_token_id}
    for token, number in expected.items():
        if vocabulary.get(token) != number:
            raise CheckpointError(
                f"{location}: the tokenizer puts {token} at {vocabulary.get(token)}, the model at "
                f"{number}: tokenizer.json is missing or of another model. Add the tokenizer files "
                f"of the Whisper checkpoint that this one was made from."
            )


def write_checkpoint(checkpoint: Checkpoint, state: dict[str, torch.Tensor], folder: Path) -> None:
    """Write a folder that plain Transformers loads and that transcribes as the adapter does.

    Args:
        checkpoint: What was read.
        state: The weights to write, by their plain names.
        folder: Created when it is not there.

    Raises:
        CheckpointError: If it cannot be written.
    """
    model = checkpoint.model
    try:
        with torch.device("meta"):
            plain = WhisperForConditionalGeneration(model.config)
        plain.generation_config = model.generation_config
        plain.save_pretrained(folder, state_dict=state)
        for weights in folder.glob("*.safetensors"):  # safetensors 0.8: readable by its owner only
            weights.chmod((folder / "config.json").stat().st_mode)
        checkpoint.processor.save_pretrained(folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: the checkpoint cannot be written: {error}. Free space or choose another "
            f"folder."
        ) from error
