"""What an exported Whisper needs beside its weights, and reading clips and tokens by it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from transformers import GenerationConfig, WhisperFeatureExtractor

from audioforge.sample import Clip
from audioforge_whisper.checkpoint import Checkpoint
from audioforge_whisper.prompts import Prompts


def write_beside(checkpoint: Checkpoint, folder: Path) -> None:
    """Write tokenizer, feature extractor and generation configuration into an exported folder.

    Engines fetch what they do not find from the hub, for another model of that size, or take it
    for one of 80 mels.
    """
    processor: Any = checkpoint.processor
    processor.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    processor.feature_extractor.save_pretrained(folder)  # preprocessor_config.json
    config: Any = deepcopy(checkpoint.model.generation_config)
    config.max_new_tokens = _longest(config, checkpoint.model.config.max_target_positions)
    config.max_length = None
    config.save_pretrained(folder)


def _longest(config: Any, positions: int) -> int:
    """Return how many tokens a transcript may have, end included, as Transformers has it."""
    length, most = Prompts(config).length, config.max_new_tokens
    if most is None:  # the prompt comes on top of `max_length`
        most = config.max_length + min(positions // 2 - 1, length) - length
    return int(min(most, positions - length))


class WhisperFolder:
    """From clips to what an engine reads, and from tokens to text, by the files of `write_beside`.

    Args:
        folder: The exported folder.

    Attributes:
        end: The token that ends a transcript.
        never: Tokens that are never chosen.
        never_first: Tokens that are not chosen as the first of a transcript.
        longest: How many tokens a transcript may have, end included.
    """

    def __init__(self, folder: Path) -> None:
        self._extractor = WhisperFeatureExtractor.from_pretrained(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._config: Any = GenerationConfig.from_pretrained(folder)
        self._prompts = Prompts(self._config)
        end = self._config.eos_token_id
        self.longest: int = self._config.max_new_tokens
        self.end = int(end[0] if isinstance(end, list) else end)
        self.never = list(self._config.suppress_tokens or ())
        self.never_first = [*self.never, *(self._config.begin_suppress_tokens or ())]

    def features(self, clips: Sequence[Clip]) -> np.ndarray:
        """Return log-mel spectrograms, float32, shape (clips, mels, frames of the window)."""
        waveforms = [clip.waveform for clip in clips]
        rate = self._extractor.sampling_rate
        features = self._extractor(waveforms, sampling_rate=rate, return_tensors="np")
        return np.ascontiguousarray(features.input_features, dtype=np.float32)

    def language(self, clip: Clip) -> str:
        """Return Whisper's code of the language of a clip: its own, or the checkpoint's."""
        own = self._prompts.code(clip.sample.language)
        return own or self._prompts.default or self._prompts.languages[0]

    def prompt(self, clip: Clip) -> list[int]:
        """Return the tokens that a transcript of a clip begins after."""
        return self._prompts.prompt(self.language(clip))

    def text(self, tokens: Sequence[int]) -> str:
        """Return the transcript that tokens spell."""
        said: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return said.strip()
