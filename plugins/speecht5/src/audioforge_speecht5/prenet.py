"""The decoder's prenet, whose dropout is all that SpeechT5 draws.

It is applied while speaking too (Shen et al. 2018, section 2.2), and Transformers takes one mask
for all rows of a batch, so that hypotheses of one text would be the same. Here each row has masks
of its own, a mask for each step, keyed by what they are for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn.functional import normalize, relu

from audioforge import keyed_random
from audioforge.huggingface.transfer import to_device
from audioforge.model import SamplingParams

Drop: TypeAlias = Callable[[torch.Tensor, int], torch.Tensor]
"""Drops some of a layer's units, shape (rows, steps, units), given the number of the layer."""

STEPS_AHEAD = 64
"""For how many steps masks are drawn at a time."""


def prenet_output(
    prenet: Any, frames: torch.Tensor, voices: torch.Tensor, drop: Drop, first: int = 0
) -> torch.Tensor:
    """Return what the decoder's layers read, as `SpeechT5SpeechDecoderPrenet` computes it.

    Args:
        prenet: The prenet of a model.
        frames: The frame before each step, shape (rows, steps, bands).
        voices: The speaker's x-vector of each row, shape (rows, dimensions).
        drop: The dropout of its layers.
        first: The position of the first step.

    Returns:
        Shape (rows, steps, width).
    """
    hidden, steps = frames, frames.shape[1]
    for number, layer in enumerate(prenet.layers):
        hidden = drop(relu(layer(hidden)), number)
    positions = prenet.encode_positions
    hidden = prenet.final_layer(hidden)
    hidden = positions.dropout(hidden + positions.alpha * positions.pe[:, first : first + steps])
    spread = normalize(voices)[:, None].expand(-1, steps, -1)
    return relu(prenet.speaker_embeds_layer(torch.cat([hidden, spread], dim=-1)))


def drawn_by_torch(probability: float) -> Drop:
    """Return the dropout of training: from torch's generator, which the engine seeds by the step.

    Args:
        probability: `speech_decoder_prenet_dropout`. As in Transformers a unit is kept with it,
            and what is kept is divided by 1 - p: for the published 0.5 there is no difference.
    """

    def drop(hidden: torch.Tensor, layer: int) -> torch.Tensor:
        return hidden * torch.bernoulli(hidden.detach(), p=probability) / (1 - probability)

    return drop


class Masks:
    """The masks of a batch of rows, step by step.

    At temperature 0 a row's masks are keyed by its sample and the step alone: one fixed draw. At
    temperature T each unit's mask is drawn anew with probability T, by (seed, cycle, sample id,
    hypothesis index, step), and else is the fixed one. So 1 is the model as it was published, and
    every mask up to there is one that it was trained with. Above 1 all are drawn anew, and what a
    unit is multiplied by is T times as far from its mean: a model of which the draws hardly differ
    gets more to choose from.

    Args:
        config: The model's configuration.
        sample_ids: Id of each row's sample.
        indices: Index of each row's hypothesis.
        params: Temperature, seed and cycle.
        device: Where the masks are needed.
    """

    def __init__(
        self,
        config: Any,
        sample_ids: Sequence[str],
        indices: Sequence[int],
        params: SamplingParams,
        device: torch.device,
    ) -> None:
        """Open a stream of numbers for each row; of a row they do not depend on the others."""
        self._probability = float(config.speech_decoder_prenet_dropout)
        self._shape = (config.speech_decoder_prenet_layers, config.speech_decoder_prenet_units)
        self._temperature, self._device = params.temperature, device
        self._fixed = [keyed_random.generator("speecht5", i) for i in sample_ids]
        self._fresh = [
            keyed_random.generator("speecht5", params.seed, params.cycle, i, index)
            for i, index in zip(sample_ids, indices, strict=True)
        ]
        self._ahead: torch.Tensor | None = None
        self._step = 0

    def next(self) -> Drop:
        """Return the dropout of the next step."""
        return self.of_steps(self._next_mask()[:, None])

    def of_first(self, steps: int) -> Drop:
        """Return the dropout of the next steps, all at once."""
        return self.of_steps(torch.stack([self._next_mask() for _ in range(steps)], dim=1))

    def of_steps(self, masks: torch.Tensor) -> Drop:
        """Return the dropout by masks of shape (rows, steps, layers, units)."""
        scale = masks / (1 - self._probability)
        if self._temperature > 1:
            mean = self._probability / (1 - self._probability)
            scale = mean + self._temperature * (scale - mean)

        def drop(hidden: torch.Tensor, layer: int) -> torch.Tensor:
            return hidden * scale[:, :, layer]

        return drop

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with some of the rows.

        Args:
            rows: Their numbers among those that there are, ascending.
        """
        numbers = rows.tolist()
        self._fixed = [self._fixed[row] for row in numbers]
        self._fresh = [self._fresh[row] for row in numbers]
        if self._ahead is not None:
            self._ahead = self._ahead[rows]

    def _next_mask(self) -> torch.Tensor:
        place = self._step % STEPS_AHEAD
        if place == 0 or self._ahead is None:
            drawn = map(self._draw, self._fixed, self._fresh)
            self._ahead = to_device(torch.from_numpy(np.stack(list(drawn))), self._device)
        self._step += 1
        return self._ahead[:, place]

    def _draw(self, fixed: np.random.Generator, fresh: np.random.Generator) -> np.ndarray:
        """Return which units of a row are kept in the steps ahead, shape (steps, layers, units)."""
        shape = (STEPS_AHEAD, *self._shape)
        if self._temperature == 0:
            return fixed.random(shape, np.float32) < self._probability
        anew = fresh.random((STEPS_AHEAD, 2, *self._shape), np.float32)
        kept = anew[:, 0] < self._probability
        if self._temperature >= 1:
            return kept
        old = fixed.random(shape, np.float32) < self._probability
        return np.where(anew[:, 1] < self._temperature, kept, old)
