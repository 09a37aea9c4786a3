"""The decoder's postnet, a stack of convolutions, with nothing of padding in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


def postnet_output(postnet: Any, frames: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """Return the spectrograms that the postnet makes of the decoder's, each as if by itself.

    Transformers' own reads over a spectrogram's end into what pads it.

    Args:
        postnet: The `SpeechT5SpeechDecoderPostnet` of a model.
        frames: Log-mel spectrograms, shape (rows, frames, bands).
        counts: How many frames each row has; the others are of no meaning.

    Returns:
        Shape (rows, frames, bands).
    """
    ends = torch.tensor(counts, device=frames.device)
    inside = (torch.arange(frames.shape[1], device=frames.device) < ends[:, None])[:, None]
    refined = frames.transpose(1, 2)
    for layer in postnet.layers:
        refined = layer(refined * inside)
    return frames + refined.transpose(1, 2)


@contextmanager
def fixed_statistics(postnet: Any) -> Iterator[None]:
    """Let batch norm take the means and variances that it has learnt, and keep them.

    Those of a batch would make an utterance's loss depend on the utterances beside it, and a few
    clips at a time are too few to learn new ones from.
    """
    norms = [layer.batch_norm for layer in postnet.layers]
    modes = [norm.training for norm in norms]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm, mode in zip(norms, modes, strict=True):
            norm.train(mode)
