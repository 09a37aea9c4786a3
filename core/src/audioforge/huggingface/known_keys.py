"""What is known of the keys in a speech model's JSON files; the same in every family.

The limits are of size, far above any published model, so that a damaged or hostile file allocates
nothing; whether the sizes are those of the weights is seen when the weights are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.huggingface.library import transformers
from audioforge.huggingface.schema import (
    ANY_NUMBER,
    FLAG,
    TEXT,
    Table,
    Value,
    either,
    list_of,
    map_of,
    number,
    one_of,
    optional,
    problems,
    refuse,
    whole,
)

WIDTH = whole(1, 65_536)
TOKEN = optional(whole(-1, 10_000_000))
ACTIVATION = Value(
    "the name of one of Transformers' activations",
    lambda v: isinstance(v, str) and v in transformers.activations.ACT2FN,
)
DTYPE = Value(
    "the name of one of PyTorch's types of number, such as float32",
    lambda v: (
        isinstance(v, str)
        and isinstance(getattr(torch, v.removeprefix("torch."), None), torch.dtype)
    ),
)

NAMES = Value(
    "an object of names by the number of the output",
    lambda v: (
        isinstance(v, dict)
        and all(number.isdecimal() for number in v)
        and all(isinstance(name, str | int) for name in v.values())
    ),
)

SIZES: dict[Value, tuple[str, ...]] = {
    whole(1, 1000): ("encoder_layers", "decoder_layers", "num_hidden_layers"),
    whole(1, 1024): ("encoder_attention_heads", "decoder_attention_heads", "num_attention_heads"),
    WIDTH: ("d_model", "hidden_size", "classifier_proj_size", "output_hidden_size"),
    whole(1, 1_000_000): ("encoder_ffn_dim", "decoder_ffn_dim", "intermediate_size"),
    whole(16, 100_000): ("max_source_positions", "max_target_positions"),
    whole(1, 10_000_000): ("vocab_size",),
    whole(1, 4096): ("num_mel_bins", "feature_projection_input_dim"),
    whole(1, 100_000): ("max_length", "mask_time_length", "mask_feature_length"),
    whole(1, 10_000): (
        *("patch_size", "frequency_stride", "time_stride", "conv_depthwise_kernel_size"),
        *("num_conv_pos_embeddings", "num_conv_pos_embedding_groups", "conv_pos_kernel_size"),
    ),
    whole(2, 100_000): ("num_buckets", "max_bucket_distance"),
    whole(0, 100_000): ("left_max_position_embeddings", "right_max_position_embeddings"),
    whole(0, 1000): ("num_adapter_layers", "adapter_stride", "adapter_kernel_size"),
    optional(WIDTH): ("adapter_attn_dim",),
    whole(1, 100): ("num_feat_extract_layers",),
    list_of(WIDTH, 1, 100): ("conv_dim",),
    list_of(whole(1, 10_000), 1, 100): ("conv_kernel", "conv_stride"),
}
CHOICES: dict[Value, tuple[str, ...]] = {
    one_of("group", "layer"): ("feat_extract_norm",),
    ACTIVATION: ("activation_function", "hidden_act", "feat_extract_activation", "adapter_act"),
    number(0, 1): (
        *("dropout", "hidden_dropout", "hidden_dropout_prob", "attention_dropout"),
        *("attention_probs_dropout_prob", "activation_dropout", "feat_proj_dropout"),
        *("final_dropout", "layerdrop", "encoder_layerdrop", "decoder_layerdrop"),
        *("conformer_conv_dropout", "mask_time_prob", "mask_feature_prob"),
        *("layer_norm_eps", "initializer_range", "init_std"),
    ),
    FLAG: (
        *("scale_embedding", "use_cache", "use_weighted_layer_sum", "apply_spec_augment"),
        *("conv_bias", "do_stable_layer_norm", "feat_proj_layer_norm", "conv_pos_batch_norm"),
        *("qkv_bias", "add_adapter", "is_encoder_decoder", "tie_word_embeddings"),
    ),
    TOKEN: ("pad_token_id", "bos_token_id", "decoder_start_token_id"),
    either(TOKEN, list_of(whole(0, 10_000_000), 1)): ("eos_token_id",),
    optional(list_of(whole(-1, 10_000_000))): ("suppress_tokens", "begin_suppress_tokens"),
    NAMES: ("id2label",),
    map_of(either(whole(0, 10_000_000), TEXT)): ("label2id",),
    optional(either(DTYPE, one_of("auto"))): ("dtype", "torch_dtype"),
    one_of(True): ("return_dict",),
}
CONFIG: Table = {key: v for kinds in (SIZES, CHOICES) for v, keys in kinds.items() for key in keys}
"""`config.json`."""

DIVIDED = (
    ("d_model", "encoder_attention_heads"),
    ("d_model", "decoder_attention_heads"),
    ("hidden_size", "num_attention_heads"),
    ("hidden_size", "num_conv_pos_embedding_groups"),
)
"""Keys of `config.json` of which the second must divide the first."""

CONVOLUTIONS = ("conv_dim", "conv_kernel", "conv_stride")
"""Lists of `config.json` with an entry for each convolution."""

FEATURES: Table = {
    "sampling_rate": whole(1000, 384_000),
    **dict.fromkeys(("feature_size", "num_mel_bins"), whole(1, 1024)),
    "n_fft": whole(16, 16_384),
    "hop_length": whole(1, 16_384),
    "chunk_length": whole(1, 300),
    **dict.fromkeys(("n_samples", "nb_max_frames"), whole(1, 200_000_000)),
    "max_length": whole(1, 100_000),
    "stride": whole(1, 1000),
    "mean": ANY_NUMBER,
    "std": number(1e-9, 1e9),
    "padding_value": number(-1e9, 1e9),
    "padding_side": one_of("right"),
    "dither": number(0, 1),
    "do_normalize": FLAG,
    "return_attention_mask": optional(FLAG),
    "feature_extractor_type": optional(TEXT),
}
"""`preprocessor_config.json`, or "feature_extractor" in `processor_config.json`."""

NESTED = ("feature_extractor", "audio_processor")
"""Keys of `processor_config.json` under which a feature extractor may be."""

MARK_FLAGS = ("lstrip", "rstrip", "normalized", "single_word", "special")
ENTRY = Value(
    'an object with the text as "content", the rest true or false',
    lambda v: (
        isinstance(v, dict)
        and isinstance(v.get("content"), str)
        and all(isinstance(v.get(key, True), bool) for key in MARK_FLAGS)
    ),
)
MARK = either(TEXT, ENTRY)
SPECIAL = optional(
    either(TEXT, Value("an AddedToken", lambda v: ENTRY.accepts(v) and "__type" in v))
)
TOKENIZER: Table = {
    **dict.fromkeys(
        ("pad_token", "bos_token", "eos_token", "unk_token", "word_delimiter_token"), SPECIAL
    ),
    "replace_word_delimiter_char": TEXT,
    **dict.fromkeys(("do_lower_case", "add_prefix_space", "predict_timestamps"), FLAG),
    "clean_up_tokenization_spaces": optional(FLAG),
    "model_max_length": optional(number(1, 1e31)),
    **dict.fromkeys(("target_lang", "language", "task", "tokenizer_class"), optional(TEXT)),
    "added_tokens_decoder": map_of(ENTRY),
    "additional_special_tokens": optional(list_of(MARK)),
    "extra_special_tokens": optional(either(list_of(MARK), map_of(MARK))),
}
"""`tokenizer_config.json`."""


def check_values(folder: Path) -> None:
    """Check the values of a checkpoint's JSON files; of a file that is not there, none.

    Args:
        folder: The checkpoint's folder.

    Raises:
        CheckpointError: Naming a file and all keys of it that are wrong.
    """
    config = read_object(folder / "config.json", MAX_JSON_BYTES)
    refuse(folder / "config.json", problems(config, CONFIG) or _misfits(config))
    check_file(folder / "preprocessor_config.json", FEATURES)
    check_file(folder / "tokenizer_config.json", TOKENIZER)
    processor = folder / "processor_config.json"
    if not processor.is_file():
        return
    content = read_object(processor, MAX_JSON_BYTES)
    for key in NESTED:
        values = content.get(key, {})
        if not isinstance(values, dict):
            refuse(processor, [f"{key}: {values!s:.60} is not an object"])
        refuse(processor, problems(values, FEATURES, f"{key}."))


def check_file(path: Path, table: Table) -> None:
    """Check one file, if it is there.

    Raises:
        CheckpointError: Naming it and all its keys that are wrong.
    """
    if path.is_file():
        refuse(path, problems(read_object(path, MAX_JSON_BYTES), table))


def _misfits(config: Mapping[str, Any]) -> list[str]:
    """Say which sizes, each possible by itself, do not fit each other."""
    found = [
        f"{parts}: {config[parts]} does not divide {whole_}, {config[whole_]}"
        for whole_, parts in DIVIDED
        if whole_ in config and parts in config and config[whole_] % config[parts]
    ]
    lists = {key: config[key] for key in CONVOLUTIONS if isinstance(config.get(key), list)}
    if len({len(entries) for entries in lists.values()}) > 1:
        counts = ", ".join(f"{key} has {len(entries)}" for key, entries in lists.items())
        found.append(f"{counts} entries: each must have one for every convolution")
    pad, vocabulary = config.get("pad_token_id"), config.get("vocab_size")
    known = isinstance(pad, int) and isinstance(vocabulary, int)
    # The row of Whisper's embedding that stands for padding.
    if config.get("model_type") == "whisper" and known and pad not in range(vocabulary or 0):
        found.append(f"pad_token_id: {pad} is not below vocab_size, {vocabulary}")
    return found
