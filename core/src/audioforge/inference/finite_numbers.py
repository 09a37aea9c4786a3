"""Weights and outputs that are not numbers, found before anything is measured or learnt with them.

A network with one NaN in it still says something: argmax takes the first token, a draw an index
that does not exist. So a checkpoint is looked through when it is loaded, the weights after every
step, and what the network says of a clip before a hypothesis is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch

from audioforge.errors import CheckpointError, TrainingError
from audioforge.sample import AudioSample

MOST_SHOWN = 8
"""Clips that a message names."""

Named = Iterable[tuple[str, torch.Tensor]]


def check_weights(checkpoint: str, module: torch.nn.Module) -> None:
    """Refuse a network with weights or buffers that are not numbers.

    Args:
        checkpoint: Where they come from, for the message.
        module: The network, loaded.

    Raises:
        CheckpointError: Naming the checkpoint and the first such weight.
    """
    refuse_broken(checkpoint, broken_weights(module.named_parameters(), module.named_buffers()))


def refuse_broken(source: str, broken: str | None) -> None:
    """Raise what `broken_weights` found.

    Args:
        source: The checkpoint or file.
        broken: What `broken_weights` said; None where all is well.

    Raises:
        CheckpointError: Naming both.
    """
    if broken is not None:
        raise CheckpointError(
            f"{source}: {broken}. It was saved by a training that diverged or overflowed, or is "
            f"damaged. Take an earlier checkpoint, or copy it again."
        )


def broken_weights(weights: Named, buffers: Named = ()) -> str | None:
    """Say which tensors hold NaN or infinity, as float32 has it; None where none does.

    It is one pass over the memory, without copies, and waits for an accelerator once.

    Args:
        weights: Tensors by name; what is not floating-point is left out.
        buffers: Buffers by name; −∞ is allowed in them, since masks of attention are made of it.
    """
    found = [(name, _what(low, high)) for name, low, high in _extremes(weights)]
    found += [(name, _what(max(low, 0), max(high, 0))) for name, low, high in _extremes(buffers)]
    broken = [(name, what) for name, what in found if what is not None]
    if not broken:
        return None
    name, what = broken[0]
    more = f", and {len(broken) - 1} more of its weights do" if len(broken) > 1 else ""
    return f"the weight {name} holds {what}{more}"


def check_outputs(
    samples: Sequence[AudioSample], finite: Sequence[bool], what: str = "what the model says of"
) -> None:
    """Refuse what a network says of clips where it is not a number.

    Args:
        samples: The samples of the batch.
        finite: Whether all of a clip's numbers are finite.
        what: What they are, such as "the loss of".

    Raises:
        TrainingError: Naming the clips.
    """
    broken = [s.place for s, good in zip(samples, finite, strict=True) if not good]
    if broken:
        raise TrainingError(
            f"{what} {', '.join(broken[:MOST_SHOWN])} is not a finite number ({len(broken)} of "
            f"{len(finite)} clips of the batch). If it is all of them, lower --learning-rate, use "
            f"--dtype float32 or another checkpoint; if it is one, leave the clip out."
        )


def _extremes(tensors: Named) -> Iterator[tuple[str, float, float]]:
    """Yield the least and the largest value of each tensor; both are NaN where one value is."""
    by_device: dict[torch.device, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors:
        if tensor.is_floating_point() and tensor.numel() and not tensor.is_meta:
            pair = torch.stack(torch.aminmax(tensor.detach())).float()
            by_device.setdefault(tensor.device, {})[name] = pair
    for pairs in by_device.values():
        extremes = torch.stack(list(pairs.values())).tolist()
        yield from ((name, *pair) for name, pair in zip(pairs, extremes, strict=True))


def _what(low: float, high: float) -> str | None:
    if math.isnan(low) or math.isnan(high):
        return "NaN"
    return "infinity" if math.isinf(low) or math.isinf(high) else None
