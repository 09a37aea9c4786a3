"""What a network said of a batch, kept with it: a batch may be sampled twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Version = tuple[object, ...]
"""Equal as long as a network computes the same of the same input."""


def version_of(module: torch.nn.Module) -> Version:
    """Return what a network computes with now: its weights, and the precision."""
    tensors = [*module.parameters(), *module.buffers()]
    device = tensors[0].device.type if tensors else "cpu"
    reduced = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if reduced else torch.float32
    return (dtype, *((t.data_ptr(), _changes(t)) for t in tensors))


class Remembered:
    """A network's output for one batch, as long as it would be the same.

    It is kept in inference mode only: where gradients are recorded it is part of a graph.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._version: Version | None = None
        self._output: torch.Tensor | None = None

    def output(self, module: torch.nn.Module, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what is known, or what `compute` returns.

        Args:
            module: The network, whose weights decide the output.
            compute: Runs it on the batch.
        """
        version = version_of(module)
        if self._output is not None and self._version == version:
            return self._output
        output = compute()
        if torch.is_inference_mode_enabled():
            self._version, self._output = version, output
        return output

    def part(self, rows: Sequence[int]) -> Remembered:
        """Return what is known of some clips of the batch.

        Args:
            rows: Their numbers in it, which is what the output's first axis counts.
        """
        part = Remembered()
        if self._output is not None:
            part._version, part._output = self._version, self._output[list(rows)]
        return part


def _changes(tensor: torch.Tensor) -> int:
    """How often it was changed in place; not counted for tensors made in inference mode."""
    return 0 if tensor.is_inference() else tensor._version
