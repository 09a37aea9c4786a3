"""Untrained checkpoints of any size, for tests, for measurements and as a start of training.

They have the layout of the published one (characters as tokens, feature extractor, vocoder in its
folder) and random weights.
"""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sentencepiece
import torch

from audioforge import keyed_random
from audioforge.files import atomic
from audioforge.huggingface.library import transformers
from audioforge_speecht5.vocoder import FOLDER, GRIFFIN_LIM, NAMED
from audioforge_speecht5.voice import KEY, OWN

CHARACTERS = "abcdefghijklmnopqrstuvwxyz'"

NANO: dict[str, Any] = {
    "hidden_size": 128,
    "reduction_factor": 4,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 256,
    "decoder_layers": 3,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 256,
    "speech_decoder_prenet_units": 96,
    "speech_decoder_postnet_units": 96,
    "speech_decoder_postnet_layers": 3,
    "speaker_embedding_dim": 16,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
    "hidden_dropout": 0.0,
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
    "positional_dropout": 0.0,
    "max_speech_positions": 500,
    "max_text_positions": 200,
    "encoder_max_relative_position": 32,
}
"""About a million weights."""

NANO_VOCODER: dict[str, Any] = {
    "upsample_initial_channel": 32,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
    "initializer_range": 0.1,
}
"""As quick as it is random, and loud enough to be told from silence."""

END_BIAS = -1.5
"""Of the logit of an end: untrained, at 0, every text would end as soon as it may."""


def model_config(**settings: Any) -> transformers.SpeechT5Config:
    """Return a configuration.

    Args:
        settings: What differs from Transformers' defaults, which are the published size.
    """
    return transformers.SpeechT5Config(architectures=["SpeechT5ForTextToSpeech"], **settings)


def write_untrained(
    folder: Path,
    config: transformers.SpeechT5Config,
    vocoder: dict[str, Any] | None,
    *,
    seed: int = 0,
    voice: bool = True,
) -> None:
    """Write a checkpoint with random weights.

    Args:
        folder: Created when it is not there.
        config: What `model_config` returned; `vocab_size` is set to fit at least the characters.
        vocoder: Settings of a random HiFi-GAN that differ from the published one's; None for
            Griffin-Lim, which has no weights.
        seed: Seed of the weights and of the voice; torch's global generator is left as it was.
        voice: Whether it has a voice of its own.
    """
    tokenizer = _tokenizer()
    config.vocab_size = max(config.vocab_size, len(tokenizer))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.SpeechT5ForTextToSpeech(config)
        torch.nn.init.constant_(model.speech_decoder_postnet.prob_out.bias, END_BIAS)
        model.save_pretrained(folder)
        if vocoder is not None:
            network = transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(**vocoder))
            network.save_pretrained(folder / FOLDER)
    if vocoder is None:
        atomic.write_json(folder / NAMED, {FOLDER: GRIFFIN_LIM})
    extractor = transformers.SpeechT5FeatureExtractor(num_mel_bins=config.num_mel_bins)
    transformers.SpeechT5Processor(extractor, tokenizer).save_pretrained(folder)
    if voice:
        from safetensors.numpy import save

        draw = keyed_random.generator("voice", seed)
        vector = draw.standard_normal(config.speaker_embedding_dim).astype("float32")
        (folder / OWN).write_bytes(save({KEY: vector}))


def _tokenizer() -> transformers.SpeechT5Tokenizer:
    """Make a tokenizer of characters, as the published one: `<s> <pad> </s> <unk>` and letters."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(CHARACTERS)] * 10),
        model_writer=written,
        model_type="char",
        vocab_size=len(CHARACTERS) + 5,
        character_coverage=1.0,
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "spm_char.model"
        path.write_bytes(written.getvalue())
        return transformers.SpeechT5Tokenizer(str(path))
