"""Reading checkpoints: a CTC model with the tokenizer and feature extractor that fit it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from attrs import frozen
from transformers import (
    AutoTokenizer,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Processor,
)

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.huggingface.checkpoint import read_model, read_model_config, read_part
from audioforge.huggingface.schema import problems, refuse, whole
from audioforge_wav2vec.families import FAMILIES

VOCABULARY = "vocab.json"
NUMBER = whole(0, 10_000_000)
"""The number of an output, in `VOCABULARY`."""

MASK_EMBEDDING = "masked_spec_embed"
"""What replaces masked frames in pretraining. Many fine-tuned checkpoints lack it, and nothing here
uses it."""


@frozen(eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: The network, float32.
        processor: Feature extractor and tokenizer.
    """

    model: Any
    processor: Wav2Vec2Processor


def read_checkpoint(location: str, seed: int) -> Checkpoint:
    """Read a local folder or a hub id.

    A language model that lies beside the checkpoint (`Wav2Vec2ProcessorWithLM`) is left aside.

    Args:
        location: A local folder or a hub id.
        seed: Draws the embedding of masked frames where the checkpoint has none.

    Raises:
        CheckpointError: If it is missing, damaged, pickled, or not a waveform CTC model with one
            vocabulary of characters.
    """
    config = read_model_config(location)
    known = FAMILIES.get(config.model_type)
    if known is None or known not in (config.architectures or ()):
        raise CheckpointError(
            f"{location}: not a CTC model of this plugin: config.json says model_type "
            f"'{config.model_type}', architectures {config.architectures}. Choose a checkpoint "
            f"whose architecture is one of {', '.join(FAMILIES.values())}."
        )
    extractor = read_part(location, "feature extractor", Wav2Vec2FeatureExtractor.from_pretrained)
    processor = Wav2Vec2Processor(extractor, _read_tokenizer(location))
    architecture = getattr(transformers, known)
    may_be_new = [f"{architecture.base_model_prefix}.{MASK_EMBEDDING}"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = read_model(location, architecture, may_be_new)
    _check_fit(location, processor.tokenizer, model.config.vocab_size)
    return Checkpoint(model, processor)


def _read_tokenizer(location: str) -> Wav2Vec2CTCTokenizer:
    read = partial(AutoTokenizer.from_pretrained, trust_remote_code=False)  # else it may ask
    read_part(location, VOCABULARY, lambda folder: _check_vocabulary(location, Path(folder)))
    tokenizer = read_part(location, "tokenizer files", read)
    if not isinstance(tokenizer, Wav2Vec2CTCTokenizer):
        raise CheckpointError(
            f"{location}: its tokenizer is {type(tokenizer).__name__}; only the characters of "
            f"Wav2Vec2CTCTokenizer can be learnt here. Choose a checkpoint that writes letters."
        )
    if not all(isinstance(number, int) for number in tokenizer.encoder.values()):
        raise CheckpointError(
            f"{location}: its vocab.json holds one vocabulary for each of many languages, and "
            f"tokenizer_config.json does not say which. Set target_lang in it and save again."
        )
    return tokenizer


def _check_vocabulary(location: str, folder: Path) -> None:
    """Check the file of characters; one vocabulary, or one for each of many languages."""
    path = folder / VOCABULARY
    if not path.is_file():
        if (folder / "tokenizer.json").is_file():
            return  # of another tokenizer, which is named when it is read
        raise CheckpointError(
            f"{location}: there is no {VOCABULARY}, without which nobody knows which output is "
            f"which character. Copy it and tokenizer_config.json from the checkpoint that this one "
            f"was made from."
        )
    content = read_object(path, MAX_JSON_BYTES)
    nested = content and all(isinstance(tokens, dict) for tokens in content.values())
    for language, tokens in content.items() if nested else (("", content),):
        within = f"{language}." if nested else ""
        refuse(path, problems(tokens, dict.fromkeys(tokens, NUMBER), within))


def _check_fit(location: str, tokenizer: Wav2Vec2CTCTokenizer, outputs: int) -> None:
    if tokenizer.pad_token not in tokenizer.encoder:
        raise CheckpointError(
            f"{location}: vocab.json lacks the padding token '{tokenizer.pad_token}', which is the "
            f"blank of CTC. Copy or save the checkpoint again."
        )
    if max(tokenizer.encoder.values()) >= outputs:
        raise CheckpointError(
            f"{location}: vocab.json has {len(tokenizer.encoder)} tokens, the model {outputs} "
            f"outputs: they are of two models. Copy or save the checkpoint again."
        )
