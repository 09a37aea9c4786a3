"""One process or many: the single seam through which the engine knows of the others.

Accelerate places and reduces; the loop is the same whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, cast

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, gather_object, reduce

from audioforge.errors import ConfigError, TrainingError

T = TypeVar("T")


class Processes:
    """The processes of a run.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        dtype: "float32" or "bfloat16"; the latter computes under autocast, weights stay float32.

    Raises:
        ConfigError: If the device is not there.
    """

    def __init__(self, device: str, dtype: str) -> None:
        """Join the process group that the launcher set up, if there is one."""
        problem = device_problem(device)
        if problem is not None:
            raise ConfigError([problem])
        if not torch.distributed.is_initialized():
            # Accelerate remembers the device of an earlier run in the same Python process.
            PartialState._reset_state()
        self._state = PartialState(cpu=device == "cpu")
        self._dtype = dtype

    @property
    def device(self) -> torch.device:
        """This process' device."""
        return cast("torch.device", self._state.device)

    @property
    def rank(self) -> int:
        """This process' number, from 0."""
        return int(self._state.process_index)

    @property
    def count(self) -> int:
        """How many processes there are."""
        return int(self._state.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process writes what is written once."""
        return bool(self._state.is_main_process)

    def shard(self, items: Sequence[T]) -> list[T]:
        """Return this process' part of a list."""
        return list(items[self.rank :: self.count])

    def gather(self, items: list[T]) -> list[T]:
        """Return the lists of all processes, joined in the order of rank.

        Raises:
            TrainingError: If another process is gone.
        """
        if self.count == 1:
            return items
        with self._together():
            return cast("list[T]", gather_object(items))

    def wait(self) -> None:
        """Wait until every process is here.

        Raises:
            TrainingError: If another process is gone.
        """
        with self._together():
            self._state.wait_for_everyone()

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Talk to the other processes; when that fails, another's own error is the cause."""
        try:
            yield
        except RuntimeError as error:
            raise TrainingError(
                f"process {self.rank} of {self.count}: lost the others ({_first_line(error)}). "
                f"The error of the process that ended first says why."
            ) from error

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which models compute."""
        reduced = self._dtype == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes, in place.

        A process that had nothing to do in a step takes part with zeros, so that uneven shards
        neither deadlock nor bias.

        Raises:
            TrainingError: If another process is gone.
        """
        if self.count == 1:
            return
        trained = list(parameters)
        # One more number a weight tells who has a gradient of it: without any there is none after.
        counts = [float(p.grad is not None) for p in trained]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [cast("torch.Tensor", p.grad).reshape(-1) for p in trained]
        flat = torch.cat([*gradients, gradients[0].new_tensor(counts)])
        with self._together():
            total = cast("torch.Tensor", reduce(flat, reduction="sum"))
        start = 0
        for parameter, holders in zip(trained, total[-len(trained) :], strict=True):
            part = total[start : start + parameter.numel()].view_as(parameter)
            parameter.grad = part.clone() if holders else None
            start += parameter.numel()

    def share_buffers(self, module: torch.nn.Module) -> None:
        """Give every process the main one's buffers, such as running means, in place.

        Each process moves them by its own part of the data; a model must not depend on which
        process evaluates it, and a resume point holds those of the main one.

        Raises:
            TrainingError: If another process is gone.
        """
        if self.count == 1:
            return
        with self._together():
            for buffer in module.buffers():
                broadcast(buffer)


def device_problem(device: str) -> str | None:
    """Return why a device cannot be had on this machine, or None."""
    available = {
        "auto": True,
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if available.get(device, False):
        return None
    there = ", ".join(name for name, yes in available.items() if yes)
    return f"device: '{device}' is not available here; there is {there}"


def _first_line(error: RuntimeError) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
