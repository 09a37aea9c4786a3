"""Decoding through Transformers' own modules: for networks that the engine does not cover."""

from __future__ import annotations

import torch
from transformers import DynamicCache, EncoderDecoderCache, WhisperForConditionalGeneration


class ModuleReader:
    """The modules of the decoder at work on one batch; the audio is repeated for a clip's rows.

    Args:
        model: The network.
        encoded: The encoder's output, shape (clips, frames, width).
    """

    def __init__(self, model: WhisperForConditionalGeneration, encoded: torch.Tensor) -> None:
        self._model, self._encoded = model, encoded
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def read_prompts(self, prompts: torch.Tensor, k: int) -> torch.Tensor:
        """Read each clip's prompt; return logits of its k rows, shape (clips × k, vocabulary)."""
        logits = self._read(prompts).repeat_interleave(k, dim=0)
        self._cache.batch_repeat_interleave(k)
        self._encoded = self._encoded.repeat_interleave(k, dim=0)
        return logits

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read a token of each row, shape (rows,); return the logits of the next."""
        return self._read(tokens[:, None])

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but these, given by their present numbers, ascending."""
        self._cache.batch_select_indices(rows)
        self._encoded = self._encoded[rows]

    def _read(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = self._model.model.decoder(
            input_ids=tokens,
            encoder_hidden_states=self._encoded,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        logits: torch.Tensor = self._model.proj_out(hidden[:, -1])
        return logits.float()
