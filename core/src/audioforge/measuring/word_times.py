"""When each word of an output was said, as predictions have it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from audioforge.inference.sampling import Sampled
from audioforge.isolation.copies import copies_for_adapter
from audioforge.measuring.evaluation import EvaluatedItem
from audioforge.model import ModelAdapter


def add_word_times(
    adapter: ModelAdapter, batch: Sequence[Sampled], items: Sequence[EvaluatedItem]
) -> None:
    """Add to each prediction of a batch when its words were said, in seconds of the clip.

    Args:
        adapter: The model that the output is of.
        batch: The clips, each with its output.
        items: What was measured on them, in the same order.

    Raises:
        ConfigError: If the model cannot tell.
    """
    with torch.inference_mode():
        prepared = adapter.prepare(copies_for_adapter([clip for clip, _ in batch]))
        times = adapter.word_times(prepared, [hs[0] for _, hs in batch])
    for item, words in zip(items, times, strict=True):
        item.prediction["words"] = [
            {"word": w.word, "start": round(w.start, 3), "end": round(w.end, 3)} for w in words
        ]
