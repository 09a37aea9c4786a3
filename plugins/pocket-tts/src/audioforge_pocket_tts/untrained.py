"""Untrained checkpoints of any size, for tests, for measurements and as a start of training.

They have the layout of the released ones (tokenizer, template, feature extractor, codec) and random
weights. Tokens are letters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers

from audioforge import keyed_random
from audioforge.huggingface.library import transformers
from audioforge_pocket_tts.codec import FOLDER
from audioforge_pocket_tts.voice import OWN, TENSOR

SPECIAL = ("<unk>", "<s>", "</s>", "<pad>")
CHARACTERS = "▁abcdefghijklmnopqrstuvwxyz'.,?!-"
MARKS = {
    "audio_prompt_token": "<audio_prompt>",
    "audio_latent_token": "<audio_latent>",
    "audio_prompt_bos_token": "<audio_prompt_bos>",
    "audio_bos_token": "<audio_bos>",
}
"""Placeholders of sound, by Transformers' names, in the order of the released vocabulary's end."""

TEMPLATE = """\
{%- for message in messages -%}
{%- for item in message.content -%}
{%- if item.type == "audio" and message.role == "user" -%}
<audio_prompt_bos><audio_prompt>
{%- endif -%}
{%- if item.type == "text" -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- if message.role == "user" -%}<audio_bos>{%- endif -%}
{%- if message.role == "assistant" -%}<audio_prompt>{%- endif -%}
{%- endfor -%}"""
"""The layout that Transformers' processor asks for: voice, text, the first position of sound, and
in training the sound."""

NANO: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 96,
    "latent_dim": 8,
    "max_position_embeddings": 512,
    "initializer_range": 0.1,
    "flow_head_config": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "latent_dim": 8,
        "condition_dim": 48,
        "frequency_embedding_size": 16,
        "initializer_range": 0.1,
    },
}
NANO_CODEC: dict[str, Any] = {
    "hidden_size": 16,
    "num_filters": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "upsample_groups": 16,
    "latent_dim": 8,
    "layer_scale_initial_scale": 0.5,
}
"""As quick as it is random."""

NANO_DECODING: dict[str, Any] = {"eos_threshold": 0.7}
"""Untrained, texts end by chance, after some frames; at the released -4 as soon as they may."""

VOICE_FRAMES = 6


def model_config(**settings: Any) -> transformers.PocketTTSConfig:
    """Return a configuration.

    Args:
        settings: What differs from Transformers' defaults, which are the released size.
    """
    return transformers.PocketTTSConfig(
        architectures=["PocketTTSForConditionalGeneration"], **settings
    )


def write_untrained(
    folder: Path,
    config: transformers.PocketTTSConfig,
    codec: dict[str, Any],
    *,
    seed: int = 0,
    voice: bool = True,
    decoding: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint with random weights.

    Args:
        folder: Created when it is not there.
        config: What `model_config` returned; the ids of padding and placeholders are set to be the
            tokenizer's.
        codec: Settings of a random codec that differ from the released one's.
        seed: Seed of the weights and of the voice; torch's global generator is left as it was.
        voice: Whether it has a voice of its own.
        decoding: Settings of `generation_config.json`, such as `eos_threshold`.
    """
    tokenizer = _tokenizer()
    config.pad_token_id = tokenizer.pad_token_id
    for name, mark in MARKS.items():
        setattr(config, f"{name}_id", tokenizer.convert_tokens_to_ids(mark))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.PocketTTSForConditionalGeneration(config)
        settings = transformers.PocketTTSAudioTokenizerConfig(**codec)
        network = transformers.PocketTTSAudioTokenizerModel(settings)
    transformers.logging.disable_progress_bar()
    model.generation_config._from_model_config = False  # else nothing of it is read again
    model.generation_config.update(allow_custom_entries=True, **(decoding or {}))
    model.save_pretrained(folder)
    network.save_pretrained(folder / FOLDER)
    extractor = transformers.PocketTTSFeatureExtractor(
        sampling_rate=settings.sampling_rate,
        frame_size=settings.frame_size,
        pad_to_multiple_of=settings.frame_size,
    )
    transformers.PocketTTSProcessor(extractor, tokenizer, chat_template=TEMPLATE).save_pretrained(
        folder
    )
    if voice:
        from safetensors.numpy import save

        draw = keyed_random.generator("voice", seed)
        latents = draw.standard_normal((VOICE_FRAMES, config.latent_dim), "float32")
        (folder / OWN).write_bytes(save({TENSOR: latents}))


def _tokenizer() -> Any:
    """Make a tokenizer of letters, which lower-cases, and puts blanks together again."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *CHARACTERS))}
    letters = Tokenizer(models.BPE(vocabulary, [], unk_token=SPECIAL[0]))
    letters.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(" ", "▁")]
    )
    letters.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=letters,
        unk_token=SPECIAL[0],
        pad_token=SPECIAL[3],
        extra_special_tokens=MARKS,
        padding_side="left",
    )
