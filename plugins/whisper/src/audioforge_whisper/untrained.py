"""Untrained Whisper checkpoints of any size, for tests and for measuring memory and time.

They have the layout of OpenAI's checkpoints (special tokens, generation configuration, feature
extractor) and random weights. Their tokenizer knows bytes only, without merges.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from attrs import evolve, frozen
from tokenizers.pre_tokenizers import ByteLevel

from audioforge.huggingface.library import transformers
from audioforge_whisper.prompts import LANGUAGES

LANGUAGES_99 = tuple(dict.fromkeys(code for code in LANGUAGES if code != "yue"))
LANGUAGES_100 = (*LANGUAGES_99, "yue")


@frozen(kw_only=True)
class Architecture:
    """The shape of a Whisper.

    Attributes:
        width: Size of the residual stream.
        heads: Heads of every attention.
        encoder_layers: Number of layers of the encoder.
        decoder_layers: Number of layers of the decoder.
        mels: Bins of the spectrogram.
        languages: Codes of languages that have a token; none makes the model English-only.
        text_tokens: Size of the vocabulary below the special tokens, at least 256.
        timestamps: Number of timestamp tokens, 20 ms apart.
        window_seconds: Length of sound that the encoder reads.
        hop_length: Samples between frames of the spectrogram, at 16 kHz.
        positions: The longest sequence of the decoder, in tokens.
    """

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int = 80
    languages: tuple[str, ...] = LANGUAGES_99
    text_tokens: int = 50_257
    timestamps: int = 1501
    window_seconds: int = 30
    hop_length: int = 160
    positions: int = 448


def _size(width: int, layers: int) -> Architecture:
    return Architecture(
        width=width, heads=width // 64, encoder_layers=layers, decoder_layers=layers
    )


def _english_only(size: Architecture) -> Architecture:
    return evolve(size, languages=(), text_tokens=50_256)


_TINY, _BASE, _SMALL = _size(384, 4), _size(512, 6), _size(768, 12)
_MEDIUM, _LARGE = _size(1024, 24), _size(1280, 32)
_LARGE_V3 = evolve(_LARGE, mels=128, languages=LANGUAGES_100)
SIZES = {
    "tiny": _TINY,
    "tiny.en": _english_only(_TINY),
    "base": _BASE,
    "base.en": _english_only(_BASE),
    "small": _SMALL,
    "small.en": _english_only(_SMALL),
    "medium": _MEDIUM,
    "medium.en": _english_only(_MEDIUM),
    "large-v2": _LARGE,
    "large-v3": _LARGE_V3,
    "large-v3-turbo": evolve(_LARGE_V3, decoder_layers=4),
}
"""OpenAI's sizes, as in the names of their checkpoints (Radford et al. 2022, table 1)."""


def write_untrained(
    folder: Path, architecture: Architecture, seed: int = 0, ends_after: int | None = None
) -> None:
    """Write a checkpoint with random weights.

    Args:
        folder: Created when it is not there.
        architecture: One of `SIZES`, or a smaller one.
        seed: Seed of the weights; torch's global generator is left as it was.
        ends_after: About how many tokens a drawn hypothesis has (in large models up to twice as
            many); the end token is then the likeliest, and a greedy hypothesis empty. None leaves
            it as unlikely as every other, so that only a limit ends a hypothesis.
    """
    tokenizer = _tokenizer(architecture)
    extractor = transformers.WhisperFeatureExtractor(
        feature_size=architecture.mels,
        hop_length=architecture.hop_length,
        chunk_length=architecture.window_seconds,
    )
    config = model_config(architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.WhisperForConditionalGeneration(config)
        if ends_after is not None:
            _expect_end(model, ends_after)
    model.generation_config = _generation_config(architecture, tokenizer)
    model.save_pretrained(folder)
    transformers.WhisperProcessor(extractor, tokenizer).save_pretrained(folder)


def _expect_end(model: transformers.WhisperForConditionalGeneration, ends_after: int) -> None:
    """Make the end one in so many draws, whatever was heard and said before."""
    embedding = model.model.decoder.embed_tokens.weight
    with torch.no_grad():
        end = embedding[model.config.eos_token_id]
        end.normal_(0, model.config.init_std)  # it is the padding too, whose row is 0
        others = math.log(len(embedding) / (ends_after - 1))
        model.model.decoder.layer_norm.bias.copy_(others * end / end.dot(end))


def model_config(architecture: Architecture) -> transformers.WhisperConfig:
    """Return the configuration that Transformers builds the network from."""
    end = architecture.text_tokens
    special = len(_special_tokens(architecture)) + architecture.timestamps
    return transformers.WhisperConfig(
        architectures=["WhisperForConditionalGeneration"],
        vocab_size=end + special,
        d_model=architecture.width,
        encoder_layers=architecture.encoder_layers,
        decoder_layers=architecture.decoder_layers,
        encoder_attention_heads=architecture.heads,
        decoder_attention_heads=architecture.heads,
        encoder_ffn_dim=4 * architecture.width,
        decoder_ffn_dim=4 * architecture.width,
        num_mel_bins=architecture.mels,
        max_source_positions=architecture.window_seconds * 16_000 // architecture.hop_length // 2,
        max_target_positions=architecture.positions,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=end + 1,
    )


def _special_tokens(architecture: Architecture) -> list[str]:
    # English-only checkpoints hold 99 language tokens too, which nothing uses.
    languages = architecture.languages or LANGUAGES_99
    names = ["endoftext", "startoftranscript", *languages, "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    return [f"<|{name}|>" for name in names]


def _tokenizer(architecture: Architecture) -> transformers.WhisperTokenizer:
    alphabet = sorted(ByteLevel.alphabet())
    fillers = [f"Ġ{i}" for i in range(architecture.text_tokens - len(alphabet))]
    texts = [*alphabet, *fillers]
    special = _special_tokens(architecture)
    vocabulary = {token: number for number, token in enumerate([*texts, *special])}
    tokenizer = transformers.WhisperTokenizer(
        vocab=vocabulary, merges=[], pad_token=special[0], extra_special_tokens=special[1:]
    )
    times = [f"<|{0.02 * i:.2f}|>" for i in range(architecture.timestamps)]
    tokenizer.add_tokens([transformers.AddedToken(time, special=False) for time in times])
    return tokenizer


def _generation_config(
    architecture: Architecture, tokenizer: transformers.WhisperTokenizer
) -> transformers.GenerationConfig:
    vocabulary = tokenizer.get_vocab()
    end = vocabulary["<|endoftext|>"]
    tasks = ("transcribe", "translate")
    multilingual = {
        "lang_to_id": {f"<|{c}|>": vocabulary[f"<|{c}|>"] for c in architecture.languages},
        "task_to_id": {task: vocabulary[f"<|{task}|>"] for task in tasks},
    }
    return transformers.GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=vocabulary["<|startoftranscript|>"],
        max_length=architecture.positions,
        begin_suppress_tokens=[vocabulary["Ġ"], end],
        suppress_tokens=[vocabulary["<|startoftranscript|>"], vocabulary["<|startofprev|>"]],
        no_timestamps_token_id=vocabulary["<|notimestamps|>"],
        is_multilingual=bool(architecture.languages),
        **(multilingual if architecture.languages else {}),
    )
