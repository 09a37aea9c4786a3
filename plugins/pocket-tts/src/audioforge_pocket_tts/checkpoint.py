"""Reading checkpoints: the model with its tokenizer, feature extractor, codec and voice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.files.checkpoint_folder import locate
from audioforge.hub.snapshot import fetch, fetch_checkpoint
from audioforge.huggingface.checkpoint import read_model, read_model_config, read_part
from audioforge.huggingface.library import transformers
from audioforge.sample import AudioSample
from audioforge_pocket_tts.codec import FOLDER, PROCESSOR, Codec, read_codec
from audioforge_pocket_tts.drawing import Decoding
from audioforge_pocket_tts.prompt import make_prompt
from audioforge_pocket_tts.voice import OWN, Voices

ARCHITECTURE = "PocketTTSForConditionalGeneration"
GENERATION = "generation_config.json"
MARKS = ("audio_prompt_token", "audio_latent_token", "audio_bos_token", "audio_prompt_bos_token")

MAX_FLOW_STEPS, MAX_TAIL = 1000, 1000
"""Far above any use: a damaged file is not to make a run that never ends."""

DECODING = {"num_flow_steps": 1, "eos_threshold": -4.0, "min_frames_before_eos": 6}
"""What the released checkpoints state, and Transformers takes where one states nothing."""


@frozen(eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: The network, float32.
        processor: Tokenizer, template and feature extractor, without the codec.
        codec: What makes sound of its latents.
        voices: What finds whose voice speaks.
        decoding: How frames are drawn.
    """

    model: Any
    processor: Any
    codec: Codec
    voices: Voices
    decoding: Decoding


def read_checkpoint(location: str, device: str) -> Checkpoint:
    """Read a local folder or a hub id.

    Args:
        location: A local folder or a hub id.
        device: A torch device, for the codec; the model stays on the CPU.

    Raises:
        CheckpointError: If it is missing, damaged, pickled, or not Pocket TTS, or there is no
            codec.
    """
    config = read_model_config(location)
    if config.model_type != "pocket_tts" or ARCHITECTURE not in (config.architectures or ()):
        raise CheckpointError(
            f"{location}: not Pocket TTS: config.json says model_type '{config.model_type}', "
            f"architectures {config.architectures}. Choose a checkpoint whose architecture is "
            f"{ARCHITECTURE}."
        )
    files = locate(location, fetch_checkpoint).files
    settings = _settings(files / PROCESSOR)
    _settings(files / GENERATION)  # one that is damaged Transformers passes over
    network, hub_id = read_codec(location, files, settings)
    processor = read_part(location, "tokenizer files", lambda folder: _processor(folder, settings))
    speaking = read_part(
        location,
        "tokenizer files",
        lambda folder: _processor(folder, settings, audio_tokenizer=network.to(device)),
    )
    _check_fit(location, config, processor, network.config)
    read_part(location, "chat template", lambda _: _check_template(processor, config))
    model = read_model(location, transformers.PocketTTSForConditionalGeneration)
    codec = Codec(speaking, hub_id)
    voices = Voices(_with_voice(location, files), codec)
    return Checkpoint(model, processor, codec, voices, _decoding(location, model))


def _settings(path: Path) -> dict[str, Any]:
    return read_object(path, MAX_JSON_BYTES) if path.is_file() else {}


def _processor(folder: str, settings: dict[str, Any], **codec: Any) -> Any:
    """Make a processor of its parts: Transformers' own reading opens whatever codec is named."""
    extractor = transformers.PocketTTSFeatureExtractor.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    own = {key: value for key, value in settings.items() if key not in (FOLDER, "auto_map")}
    own.setdefault("chat_template", tokenizer.chat_template)
    processor = transformers.PocketTTSProcessor.from_args_and_dict(
        [extractor, tokenizer], own, **codec
    )
    tails = (processor.frames_after_eos, processor.frames_after_eos_short_text)
    if not processor.chat_template:
        raise ValueError("there is no chat_template.jinja, which says how a text is put to it")
    if not all(isinstance(tail, int) and 0 <= tail <= MAX_TAIL for tail in tails):
        raise ValueError(f"frames_after_eos are {tails}")
    return processor


def _check_template(processor: Any, config: Any) -> None:
    """See that a prompt is a voice, a text, and the position that speech is drawn from."""
    voice = np.zeros((1, config.latent_dim), np.float32)
    prompt, other = (
        make_prompt(processor, config, AudioSample("", reference=text), voice)
        for text in ("one", "two two")
    )
    if prompt.positions.equal(other.positions):
        raise ValueError("a prompt of it does not hold the text")
    ends = prompt.positions[-1] == config.audio_bos_token_id
    if not ends or (prompt.positions == config.audio_prompt_token_id).sum() != 1:
        raise ValueError(
            "a prompt of it does not hold a voice, or does not end where speech begins"
        )


def _with_voice(location: str, files: Path) -> Path:
    """Return the folder with the checkpoint's voice, which is fetched from the hub by itself."""
    return files if Path(location).expanduser().is_dir() else fetch(location, [OWN])


def _decoding(location: str, model: Any) -> Decoding:
    stated = {key: getattr(model.generation_config, key, None) for key in DECODING}
    steps, threshold, least = (
        DECODING[key] if value is None else value for key, value in stated.items()
    )
    whole = isinstance(steps, int) and isinstance(least, int) and least >= 0
    is_logit = isinstance(threshold, int | float) and math.isfinite(threshold)
    if not whole or not 1 <= steps <= MAX_FLOW_STEPS or not is_logit:
        raise CheckpointError(
            f"{location}: {GENERATION} says {stated}; whole numbers and a logit are "
            f"needed. Copy or save the checkpoint again."
        )
    return Decoding(int(steps), float(threshold), int(least))


def _check_fit(location: str, config: Any, processor: Any, codec: Any) -> None:
    """Refuse parts that are of several models."""
    tokenizer, extractor = processor.tokenizer, processor.feature_extractor
    marks = {
        name: (
            tokenizer.convert_tokens_to_ids(getattr(tokenizer, name)),
            getattr(config, f"{name}_id"),
        )
        for name in MARKS
        if getattr(tokenizer, name, None) is not None  # not each model has audio_prompt_bos_token
    }
    problems = [
        f"its tokenizer has the {name} {found}, the model {wanted}"
        for name, (found, wanted) in marks.items()
        if found != wanted
    ]
    if len(tokenizer) > config.vocab_size:
        problems.append(f"its tokenizer has {len(tokenizer)} tokens, the model {config.vocab_size}")
    if codec.latent_dim != config.latent_dim:
        problems.append(
            f"its codec has latents of {codec.latent_dim} numbers, the model of {config.latent_dim}"
        )
    if not math.isclose(config.frame_rate * codec.frame_size, codec.sampling_rate):
        problems.append(
            f"its codec has {codec.frame_size} samples a frame at {codec.sampling_rate} Hz, the "
            f"model {config.frame_rate:g} frames a second"
        )
    found = (extractor.sampling_rate, extractor.frame_size)
    wanted = (codec.sampling_rate, codec.frame_size)
    if found != wanted:
        problems.append(
            f"its feature extractor is for {found[0]} Hz and {found[1]} samples a frame, its codec "
            f"for {wanted[0]} Hz and {wanted[1]}"
        )
    if problems:
        raise CheckpointError(
            f"{location}: {'; '.join(problems)}: they are of two models. Copy or save the "
            f"checkpoint again."
        )
