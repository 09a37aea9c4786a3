"""Running a model for its output alone, in the middle of its training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Run without gradients and dropout; leave the module in the mode it was in."""
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(training)
        # PyTorch before its pull request 165068 (December 2025) remembers the weights that
        # autocast casts here, without gradients: a loss under the same autocast would use them
        # and find no gradient.
        torch.clear_autocast_cache()
