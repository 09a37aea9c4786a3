"""Texts as the tokens that the model is taught to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from attrs import frozen

from audioforge_whisper.prompts import UNSPACED_LANGUAGES


@frozen(eq=False)
class TeacherForcing:
    """A batch of prompts and targets, shifted by one token.

    Attributes:
        inputs: What the decoder reads, shape (batch, length).
        labels: The token that follows each input, shape (batch, length).
        mask: Where a label is of the target, not of the prompt or padding: by position, since the
            padding token may be the end token too.
        counts: Number of target tokens of each utterance, end token included.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    mask: torch.Tensor
    counts: list[int]


def spoken_tokens(tokenizer: Any, text: str, language: str) -> list[int]:
    """Return the tokens with which Whisper writes a text, without the end token.

    A transcript begins with a space in languages that put spaces between words, as it does in
    Whisper's training data; hypotheses are kept without it. Text that looks like a special token
    stays text.
    """
    words = text.strip()
    if not words:
        return []
    if language not in UNSPACED_LANGUAGES:
        words = f" {words}"
    encoded = tokenizer(words, add_special_tokens=False, split_special_tokens=True)
    return list(encoded["input_ids"])


def teacher_forcing(
    prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], device: torch.device
) -> TeacherForcing:
    """Lay out prompts and targets (with their end tokens) for one pass of the decoder."""
    length = max(len(p) + len(t) for p, t in zip(prompts, targets, strict=True)) - 1
    inputs = torch.zeros(len(prompts), length, dtype=torch.long)
    labels = torch.zeros_like(inputs)
    mask = torch.zeros_like(inputs, dtype=torch.bool)
    for row, (prompt, target) in enumerate(zip(prompts, targets, strict=True)):
        tokens = torch.tensor([*prompt, *target])
        inputs[row, : len(tokens) - 1] = tokens[:-1]
        labels[row, : len(tokens) - 1] = tokens[1:]
        mask[row, len(prompt) - 1 : len(tokens) - 1] = True
    counts = [len(target) for target in targets]
    return TeacherForcing(inputs.to(device), labels.to(device), mask.to(device), counts)
