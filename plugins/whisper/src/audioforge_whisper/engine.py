"""The decoding engine: a Whisper's weights as they are now, at work without its modules."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager

import torch
from transformers import WhisperForConditionalGeneration

from audioforge.huggingface.remembered import Version, version_of
from audioforge.inference.freed_memory import give_back
from audioforge.model import SamplingParams
from audioforge_whisper.coverage import not_covered
from audioforge_whisper.decoder import Decoder
from audioforge_whisper.decoding import ClipsToDecode, Decoded, TokenRules, decode
from audioforge_whisper.encoder import encode
from audioforge_whisper.module_reader import ModuleReader
from audioforge_whisper.weights import DecoderWeights, EncoderWeights, read_decoder, read_encoder


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
        self._encoder: EncoderWeights | None = None
        self._decoder: DecoderWeights | None = None
        self._version: Version | None = None
        self._told = False

    def forget(self) -> None:
        """Give the memory of the copy back."""
        held = self._decoder is not None
        self._encoder = self._decoder = self._version = None
        if held:
            give_back()

    def encode(self, features: torch.Tensor) -> torch.Tensor:
        """Encode log-mel spectrograms, shape (clips, mels, 2 × frames).

        Returns:
            float32, shape (clips, frames, width).
        """
        # Of a model without numbers there is only a shape to tell.
        if features.is_meta or not self._can_compute():
            encoded: torch.Tensor = self._model.model.encoder(features).last_hidden_state
            return encoded
        if self._encoder is None:
            self._encoder = read_encoder(self._model, self._dtype)
        with self._precision_as_given():
            return encode(self._encoder, features)

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
        if not self._can_compute():
            return decode(ModuleReader(self._model, encoded), clips, k, params, rules)
        if self._decoder is None:
            self._decoder = read_decoder(self._model, self._dtype)
        with self._precision_as_given():
            decoder = Decoder(self._decoder, encoded, fixed_shapes=encoded.is_cuda)
            return decode(decoder, clips, k, params, rules)

    @property
    def _dtype(self) -> torch.dtype:
        device = self._model.device.type
        reduced = torch.is_autocast_enabled(device)
        return torch.get_autocast_dtype(device) if reduced else torch.float32

    def _precision_as_given(self) -> AbstractContextManager[object]:
        """The weights are cast already; autocast would cast what is between them too."""
        return torch.autocast(self._model.device.type, enabled=False)

    def _can_compute(self) -> bool:
        """Say whether the network is covered; forget weights that are not those of now."""
        problem = not_covered(self._model)
        if problem is not None:
            if not self._told:
                warnings.warn(
                    f"Whisper decodes more slowly than it could, through Transformers' modules: "
                    f"{problem}",
                    stacklevel=4,
                )
            self._told = True
            return False
        version = version_of(self._model)
        if self._version != version:
            self.forget()
            give_back()  # what an update has freed, before there is a copy again
            self._version = version
        return True
