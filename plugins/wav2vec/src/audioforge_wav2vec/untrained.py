"""Untrained CTC checkpoints of any size, for tests and for measuring memory and time.

They have the layout of the published checkpoints (characters as tokens, feature extractor) and
random weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from audioforge.huggingface.library import transformers
from audioforge_wav2vec.families import FAMILIES

UPPER_CASE = "|ETAONIHSRDLUMWCFGYPBVK'XJQZ"
"""Word delimiter and letters by frequency, as fairseq orders them in its LibriSpeech models."""

CONFIGURATIONS: dict[str, type[transformers.PreTrainedConfig]] = {
    "wav2vec2": transformers.Wav2Vec2Config,
    "hubert": transformers.HubertConfig,
    "wavlm": transformers.WavLMConfig,
    "data2vec-audio": transformers.Data2VecAudioConfig,
}

LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}
"""How the large Wav2Vec2 and HuBERT differ from the base ones (Baevski et al. 2020, table 9)."""

SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "facebook/wav2vec2-base-960h": ("wav2vec2", {}),
    "facebook/wav2vec2-large-960h-lv60-self": ("wav2vec2", LARGE),
    "facebook/hubert-large-ls960-ft": ("hubert", LARGE),
    "patrickvonplaten/wavlm-libri-clean-100h-base-plus": ("wavlm", {"vocab_size": 31}),
    "facebook/data2vec-audio-base-960h": ("data2vec-audio", {}),
}
"""Family and settings of published checkpoints; the rest are Transformers' defaults."""


def model_config(model_type: str, **settings: Any) -> transformers.PreTrainedConfig:
    """Return a configuration of a CTC model.

    Args:
        model_type: One of `CONFIGURATIONS`.
        settings: What differs from Transformers' defaults, which are the base size.
    """
    return CONFIGURATIONS[model_type](architectures=[FAMILIES[model_type]], **settings)


def write_untrained(
    folder: Path, config: transformers.PreTrainedConfig, characters: str = UPPER_CASE, seed: int = 0
) -> None:
    """Write a checkpoint with random weights.

    Models with group norm get a feature extractor without attention mask, others one with it.

    Args:
        folder: Created when it is not there.
        config: What `model_config` returned; `vocab_size` is set to fit the characters.
        characters: The tokens after the four marks, "|" for the space.
        seed: Seed of the weights; torch's global generator is left as it was.
    """
    tokens = ["<pad>", "<s>", "</s>", "<unk>", *characters]
    config.vocab_size = len(tokens)
    with TemporaryDirectory() as scratch:
        vocabulary = Path(scratch) / "vocab.json"
        vocabulary.write_text(json.dumps({t: i for i, t in enumerate(tokens)}), encoding="utf-8")
        tokenizer = transformers.Wav2Vec2CTCTokenizer(str(vocabulary))
    with_mask = getattr(config, "feat_extract_norm", "layer") == "layer"
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=with_mask)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, FAMILIES[config.model_type])(config)
    model.save_pretrained(folder)
    transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
