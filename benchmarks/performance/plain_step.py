"""A step of fine-tuning as Transformers and PEFT have it; nothing of AudioForge is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

RATE, BETAS, EPSILON, WEIGHT_DECAY, MAX_NORM = 1e-5, (0.9, 0.98), 1e-6, 0.01, 1.0
RANK, ALPHA, TARGETS = 16, 32, ["q_proj", "v_proj"]
"""AudioForge's defaults."""


class PlainTraining:
    """A Whisper with its optimiser.

    Args:
        checkpoint: Folder of a Whisper.
        trainable: "full", "frozen-encoder" or "lora".
        device: A torch device.
        dtype: "float32", or "bfloat16" to compute under autocast.
    """

    def __init__(
        self, checkpoint: Path, trainable: str, device: str = "cpu", dtype: str = "float32"
    ) -> None:
        """Load the model and choose what is trained."""
        self.model = plain_model(checkpoint, device).train()
        self._device = torch.device(device)
        self._reduced = dtype == "bfloat16"
        self._trained = self.model
        if trainable == "lora":
            from peft import LoraConfig, get_peft_model

            lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS)
            self._trained = get_peft_model(self.model, lora).base_model
        elif trainable == "frozen-encoder":
            self.model.model.encoder.requires_grad_(False)
        self._parameters = [p for p in self._trained.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=RATE, betas=BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY
        )

    def step(self, features: torch.Tensor, labels: torch.Tensor) -> float:
        """Take a step; return the loss.

        Args:
            features: Log-mel spectrograms, shape (clips, mels, frames).
            labels: Tokens, padded with -100, shape (clips, tokens).
        """
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._reduced):
            loss = self._trained(
                input_features=features.to(self._device), labels=labels.to(self._device)
            ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, MAX_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(loss.detach())


def plain_model(checkpoint: Path, device: str = "cpu", dtype: str = "float32") -> Any:
    """Load a Whisper into Transformers."""
    model: Any = WhisperForConditionalGeneration.from_pretrained(
        checkpoint, dtype=getattr(torch, dtype)
    )
    return model.to(device).eval()


def features_and_labels(
    checkpoint: Path, waves: Sequence[np.ndarray[Any, Any]], texts: Sequence[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a step takes, as Transformers' processor makes it.

    The start token is left to the model, which puts it before the labels.
    """
    processor = WhisperProcessor.from_pretrained(checkpoint)
    rate = processor.feature_extractor.sampling_rate
    features = processor.feature_extractor(
        list(waves), sampling_rate=rate, return_tensors="pt"
    ).input_features
    tokens = [torch.tensor(processor.tokenizer(text).input_ids[1:]) for text in texts]
    labels = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=-100)
    return features, labels
