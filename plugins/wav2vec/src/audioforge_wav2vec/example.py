"""What the contract tests check the adapter with: a small Wav2Vec2 that has learnt nothing."""

from __future__ import annotations

from pathlib import Path

from audioforge_kit import ModelExample
from audioforge_wav2vec.untrained import model_config, write_untrained

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embedding_groups": 4,
    "initializer_range": 0.2,
}


def example(folder: Path) -> ModelExample:
    """Return a CTC model with random weights, and three clips."""
    write_untrained(folder / "checkpoint", model_config("wav2vec2", **SMALL))
    said = ("ONE TWO", "THREE", "TURN THE SECOND VALVE")
    return ModelExample.speaking(folder / "checkpoint", "asr", said, 16_000)
