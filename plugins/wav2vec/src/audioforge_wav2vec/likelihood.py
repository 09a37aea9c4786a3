"""Log-likelihoods of token sequences under CTC: summed over every path that collapses to them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

TEXTS_AT_ONCE = 32
"""Texts of a clip whose sums over paths are held together: frames × (2 × characters + 1) floats
each, which is 5 MB for half a minute of speech."""


def negative_log_likelihoods(
    logits: torch.Tensor, frames: Sequence[int], targets: Sequence[Sequence[int]], blank: int
) -> torch.Tensor:
    """Return −log p(target | audio) of each row in nats, shape (rows,), float32.

    It equals Transformers' loss with `ctc_loss_reduction="sum"` and a batch of one. A target that
    the frames cannot hold (see `frames_needed`) has value and gradient 0 (`zero_infinity`).

    Args:
        logits: Shape (rows, frames, tokens).
        frames: Number of frames of each row; the rest is padding.
        targets: Token ids of each row, without blanks.
        blank: Id of the blank token.
    """
    log_probabilities = logits.float().log_softmax(dim=-1)
    return _losses(log_probabilities, frames, targets, blank)


def log_likelihoods(
    logits: torch.Tensor, texts: Sequence[Sequence[int]], blank: int
) -> list[float]:
    """Return log p(text | audio) of several texts for one clip.

    Args:
        logits: Logits of the clip's own frames, shape (frames, tokens).
        texts: Token ids, each what some path of the frames collapses to.
        blank: Id of the blank token.
    """
    log_probabilities = logits.float().log_softmax(dim=-1)
    values: list[float] = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        part = texts[start : start + TEXTS_AT_ONCE]
        rows = log_probabilities.expand(len(part), -1, -1)
        values += (-_losses(rows, [len(logits)] * len(part), part, blank)).tolist()
    return values


def _losses(
    log_probabilities: torch.Tensor,
    frames: Sequence[int],
    targets: Sequence[Sequence[int]],
    blank: int,
) -> torch.Tensor:
    # Lengths on the CPU, and cuDNN off as in Transformers: it refuses some lengths.
    with torch.backends.cudnn.flags(enabled=False):
        return torch.nn.functional.ctc_loss(
            log_probabilities.transpose(0, 1),
            torch.tensor([t for target in targets for t in target], dtype=torch.long).to(
                log_probabilities.device
            ),
            torch.tensor(frames),
            torch.tensor([len(target) for target in targets]),
            blank=blank,
            reduction="none",
            zero_infinity=True,
        )


def frames_needed(target: Sequence[int]) -> int:
    """Return the fewest frames that can hold a target: a blank must part equal neighbours.

    >>> frames_needed([5, 6, 6, 7])
    5
    """
    return len(target) + sum(a == b for a, b in pairwise(target))
