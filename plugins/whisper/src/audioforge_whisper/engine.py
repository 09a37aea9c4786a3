"""The decoding engine: a Whisper's weights as they are now, at work without its modules."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager

import torch
from transformers import WhisperForConditionalGeneration

from audioforge.model import SamplingParams
from audioforge_whisper.coverage import not_covered
from audioforge_whisper.decoder import Decoder
from audioforge_whisper.decoding import ClipsToDecode, Decoded, TokenRules, decode
from audioforge_whisper.encoder import encode
from audioforge_whisper.module_reader import ModuleReader
from audioforge_whisper.weights import Weights, read_weights

Version = tuple[object, ...]
"""Equal as long as neither a weight nor the precision has changed."""


class Engine:
    """Encodes and decodes, without gradients and dropout.

    It holds a copy of the weights, laid out for it, until they change or `forget` is called. A
    network that computes something else than its weights tell is run as it is, and a warning says
    why, once.

    Args:
        model: The network, whose weights may change between calls.
    """

    def __init__(self, model: WhisperForConditionalGeneration) -> None:
        self._model = model
        self._weights: Weights | None = None
        self._version: Version | None = None
        self._told = False

    @property
    def version(self) -> Version:
        """What is computed with now: the weights and the precision."""
        tensors = [*self._model.parameters(), *self._model.buffers()]
        return (self._dtype, *((t.data_ptr(), _changes(t)) for t in tensors))

    def forget(self) -> None:
        """Give the memory of the copy back."""
        self._weights = self._version = None

    def encode(self, features: torch.Tensor) -> torch.Tensor:
        """Encode log-mel spectrograms, shape (clips, mels, 2 × frames).

        Returns:
            float32, shape (clips, frames, width).
        """
        # Of a model without numbers there is only a shape to tell.
        weights = None if features.is_meta else self._current_weights()
        if weights is None:
            encoded: torch.Tensor = self._model.model.encoder(features).last_hidden_state
            return encoded
        with self._precision_as_given():
            return encode(weights.encoder, features)

    def decode(
        self,
        encoded: torch.Tensor,
        clips: ClipsToDecode,
        k: int,
        params: SamplingParams,
        rules: TokenRules,
    ) -> list[list[Decoded]]:
        """Decode k hypotheses of each clip as `decoding.decode` does.

        Args:
            encoded: What `encode` returned.
            clips: What is decoded.
            k: Hypotheses per clip.
            params: How to draw.
            rules: What the checkpoint says of tokens.

        Raises:
            TrainingError: If the network's output is not a number, naming the clips.
        """
        weights = self._current_weights()
        if weights is None:
            return decode(ModuleReader(self._model, encoded), clips, k, params, rules)
        with self._precision_as_given():
            decoder = Decoder(weights.decoder, encoded, fixed_shapes=encoded.is_cuda)
            return decode(decoder, clips, k, params, rules)

    @property
    def _dtype(self) -> torch.dtype:
        device = self._model.device.type
        reduced = torch.is_autocast_enabled(device)
        return torch.get_autocast_dtype(device) if reduced else torch.float32

    def _precision_as_given(self) -> AbstractContextManager[object]:
        """The weights are cast already; autocast would cast what is between them too."""
        return torch.autocast(self._model.device.type, enabled=False)

    def _current_weights(self) -> Weights | None:
        """Return the weights as they are now, or None for a network that is not covered."""
        problem = not_covered(self._model)
        if problem is not None:
            if not self._told:
                warnings.warn(
                    f"Whisper decodes more slowly than it could, through Transformers' modules: "
                    f"{problem}",
                    stacklevel=4,
                )
            self._told = True
            return None
        version = self.version
        if self._weights is None or self._version != version:
            self.forget()  # never two copies
            self._weights, self._version = read_weights(self._model, self._dtype), version
        return self._weights


def _changes(tensor: torch.Tensor) -> int:
    """How often it was changed in place; not counted for tensors made in inference mode."""
    return 0 if tensor.is_inference() else tensor._version
