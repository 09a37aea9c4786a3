"""What the decoding engine does not cover, found by looking at a network's modules."""

from __future__ import annotations

import sys

import torch
from torch import nn
from transformers import WhisperForConditionalGeneration
from transformers.activations import GELUActivation
from transformers.models.whisper import modeling_whisper as whisper

COVERED = {
    WhisperForConditionalGeneration,
    *(whisper.WhisperModel, whisper.WhisperEncoder, whisper.WhisperDecoder),
    *(whisper.WhisperEncoderLayer, whisper.WhisperDecoderLayer, whisper.WhisperAttention),
    *(whisper.WhisperPositionalEmbedding, nn.Embedding, nn.Linear, nn.LayerNorm, nn.Conv1d),
    *(nn.ModuleList, GELUActivation),
}
"""Whose computation `encoder` and `decoder` write out. A subclass may compute something else."""


def not_covered(model: WhisperForConditionalGeneration) -> str | None:
    """Say what makes a network compute something else than its weights tell, or None."""
    for name, module in model.named_modules():
        if ".lora_" in name:
            continue  # the layer that it belongs to is looked at
        base = _without_update(module)
        if type(base) not in COVERED:
            return f"{name} is a {type(base).__name__}"
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            return f"{name} has a hook"
    for name, weight in model.named_parameters():
        if weight.is_inference():
            return f"{name} was made in inference mode, so that its changes are not seen"
        if weight.dtype != torch.float32:
            return f"{name} is {str(weight.dtype).removeprefix('torch.')}"
    return None


def _without_update(module: nn.Module) -> nn.Module:
    """Return the layer that a low-rank update is added to; any other as it is."""
    if "peft" not in sys.modules:  # it takes long to import, and nothing here can be of it
        return module
    from peft.tuners.lora import LoraLayer

    return module.get_base_layer() if isinstance(module, LoraLayer) else module
