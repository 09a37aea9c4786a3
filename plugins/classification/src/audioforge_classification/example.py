"""What the contract tests check the adapter with: a small AST that has learnt nothing."""

from __future__ import annotations

from pathlib import Path

import torch

from audioforge.huggingface.library import transformers
from audioforge_kit import ModelExample

LABELS = ("yes", "no", "stop")


def example(folder: Path) -> ModelExample:
    """Return a classifier with random weights, and a clip of each class."""
    config = transformers.ASTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_length=256,
        num_mel_bins=32,
        frequency_stride=16,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.ASTForAudioClassification(config)
    model.save_pretrained(folder / "checkpoint")
    transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=256).save_pretrained(
        folder / "checkpoint"
    )
    return ModelExample.speaking(folder / "checkpoint", "classification", LABELS, 16_000)
