"""The loss of what a step learns: all targets of a clip together, where the adapter can tell them.

The clip is then read once for all of its targets. An adapter without `logprobs`, or whose loss is
none of likelihoods where that is what is wanted, reads it once for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch

from audioforge.errors import ConfigError, PluginError, describe
from audioforge.inference.hypothesis_audio import load_audio
from audioforge.inference.out_of_memory import is_out_of_memory
from audioforge.model import ModelAdapter
from audioforge.plugin_reference import read_plugin_reference
from audioforge.run.run import Run
from audioforge.selection import Kept, Loss

Targets = Sequence[Kept]
"""What is learnt of one clip in one go."""


class StepLoss:
    """Computes losses of batches of clips.

    Args:
        adapter: The model.
        loss: What is made small; None is Σ weight × mean negative log-likelihood per token.
    """

    def __init__(self, adapter: ModelAdapter, loss: Loss | None) -> None:
        """Take over the rule."""
        self._adapter, self._loss = adapter, loss
        wanted = loss is not None or adapter.loss_is_likelihood
        self._together = wanted and tells_logprobs(adapter)

    def by_clip(self, items: Sequence[Kept]) -> list[Targets]:
        """Put items, those of a clip adjacent, into groups that are learnt together."""
        if not self._together:
            return [[item] for item in items]
        return [list(group) for _, group in groupby(items, key=lambda item: item.sample.id)]

    def of_batch(self, batch: Any, groups: Sequence[Targets]) -> torch.Tensor:
        """Return the summed loss of a batch, in nats or what the rule counts.

        Args:
            batch: The adapter's batch of clips, one for each group.
            groups: What is learnt of each clip.
        """
        targets = [[load_audio(item.target) for item in group] for group in groups]
        weights = [item.weight for group in groups for item in group]
        if not self._together:
            return self._adapter.loss(batch, [target for (target,) in targets], weights)
        found = self._adapter.logprobs(batch, targets)
        if self._loss is None:
            return found.weighted_loss(weights)
        sizes = [len(group) for group in groups]
        parts = zip(groups, found.logprobs.split(sizes), found.tokens.split(sizes), strict=True)
        try:
            return torch.stack([self._loss.of_clip(*part) for part in parts]).sum()
        except Exception as error:  # foreign code
            if is_out_of_memory(error):
                raise
            raise PluginError(
                f"the loss {type(self._loss).__name__} of the selection failed: {describe(error)}. "
                f"Mend it, or choose another --selection."
            ) from error


def tells_logprobs(adapter: ModelAdapter) -> bool:
    """Whether an adapter can tell how likely several targets of a clip are."""
    return type(adapter).logprobs is not ModelAdapter.logprobs


def check_can_learn(run: Run, adapter: ModelAdapter) -> None:
    """Refuse a selection with a loss of its own where the adapter cannot compute it.

    Raises:
        ConfigError: If it cannot.
    """
    if run.selection.has_loss and not tells_logprobs(adapter):
        name = read_plugin_reference(run.config.selection)[0]
        raise ConfigError(
            [
                f"selection: {name} needs to know how likely a text is, which "
                f"{type(adapter).__name__} cannot tell (it has no logprobs); use --selection best, "
                f"top-n, weighted or mix"
            ]
        )
