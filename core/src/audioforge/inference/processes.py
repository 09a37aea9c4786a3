"""One process or many: how a run's processes share work and wait for each other.

Who they are the executor decides; Accelerate places and reduces. The loop is the same whatever the
number of processes.
"""

from __future__ import annotations

import copyreg
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pickle import PicklingError
from types import MappingProxyType
from typing import Any, TypeVar, cast

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, broadcast_object_list, gather_object, reduce

from audioforge.errors import ConfigError, ProcessLostError, TrainingError
from audioforge.inference.matrix_products import by_the_faster_library, library

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""For the others: the main process may read a stream for hours. A death is noticed at once."""
LAUNCHED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets for each process."""
MPI_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def _read_only(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


# What samples hold is sent between processes, and often such a view, which pickle does not know.
copyreg.pickle(MappingProxyType, lambda view: (_read_only, (dict(view),)))


class Processes:
    """The processes of a run.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        dtype: "float32", "bfloat16", or "auto" for what the device computes fastest without loss;
            bfloat16 computes under autocast, weights stay float32.

    Raises:
        ConfigError: If the device is not there.
    """

    def __init__(self, device: str, dtype: str) -> None:
        """Join the process group that the launcher set up, if there is one."""
        problem = device_problem(device) or _launch_problem()
        if problem is not None:
            raise ConfigError([problem])
        if not torch.distributed.is_initialized():
            # Accelerate remembers the device of an earlier run in the same Python process.
            PartialState._reset_state()
        try:
            self._state = PartialState(cpu=device == "cpu", timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise TrainingError(
                f"the processes of this run cannot join: {_first_line(error)}. Start them with "
                f"torchrun."
            ) from error
        self._dtype = precision_for(dtype, device)

    @property
    def device(self) -> torch.device:
        """This process' device."""
        return cast("torch.device", self._state.device)

    @property
    def dtype(self) -> str:
        """The precision of the computation: "float32" or "bfloat16"."""
        return self._dtype

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

    @property
    def allow_threads(self) -> bool:
        """Whether a second thread may compute beside the model.

        Which library multiplies is set for all threads at once: one that is done would set it back
        while another computes, and what comes out would depend on who is faster.
        """
        return self.device.type != "cpu" or library() != "oneDNN"

    def shard(self, items: Sequence[T]) -> list[T]:
        """Return this process' part of a list."""
        return list(items[self.rank :: self.count])

    def gather(self, items: list[T]) -> list[T]:
        """Return the lists of all processes, joined in the order of rank.

        Raises:
            ProcessLostError: If another process is gone.
        """
        if self.count == 1:
            return items
        with self._together():
            return cast("list[T]", gather_object(items))

    def from_main(self, function: Callable[[], T]) -> T:
        """Call a function on the main process alone, and return its result on every one.

        Raises:
            ProcessLostError: On the other processes, if it fails on the main one, which says why.
        """
        if self.count == 1:
            return function()
        result: list[Any] = [False, None]
        try:
            if self.is_main:
                result = [True, function()]
        finally:
            self._broadcast(result)
        succeeded, value = result
        if not succeeded:
            raise ProcessLostError(
                f"process {self.rank} of {self.count}: the main process failed. Its error says why."
            )
        return cast("T", value)

    def _broadcast(self, values: list[Any]) -> None:
        """Give every process the main one's values, in place.

        Raises:
            TrainingError: If they cannot be sent.
            ProcessLostError: If another process is gone.
        """
        try:
            with self._together():
                broadcast_object_list(values)
        except (TypeError, AttributeError, PicklingError) as error:
            raise TrainingError(
                f"data cannot be sent to the other processes: {error}. Metadata of samples must be "
                f"plain values; mend the dataset's plugin, or train with one process."
            ) from error

    def wait(self) -> None:
        """Wait until every process is here.

        Raises:
            ProcessLostError: If another process is gone.
        """
        with self._together():
            self._state.wait_for_everyone()

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Talk to the other processes; when that fails, another's own error is the cause."""
        try:
            yield
        except RuntimeError as error:
            raise ProcessLostError(
                f"process {self.rank} of {self.count}: lost the others ({_first_line(error)}). "
                f"The error of the process that ended first says why."
            ) from error

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Enter the context in which models compute.

        Under bfloat16, weights are cast once, and the copies last until it is left.
        """
        reduced, kind = self._dtype == "bfloat16", self.device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=reduced):
            if kind != "cpu":
                yield
                return
            with by_the_faster_library():
                yield

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes, in place.

        A process that had nothing to do in a step takes part with zeros, so that uneven shards
        neither deadlock nor bias.

        Raises:
            ProcessLostError: If another process is gone.
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
            ProcessLostError: If another process is gone.
        """
        if self.count == 1:
            return
        with self._together():
            for buffer in module.buffers():
                broadcast(buffer)


def precision_for(dtype: str, device: str) -> str:
    """Return the precision that "auto" stands for: what the device computes fastest without loss.

    Args:
        dtype: "auto", or what is returned as it is.
        device: "auto", "cpu", "cuda" or "mps".
    """
    if dtype != "auto":
        return dtype
    on_cuda = device in ("auto", "cuda") and torch.cuda.is_available()
    return "bfloat16" if on_cuda and torch.cuda.is_bf16_supported() else "float32"


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


def _launch_problem() -> str | None:
    """Return why the variables of a launcher make no group of processes, or None."""
    given = {name: os.environ[name] for name in LAUNCHED if os.environ.get(name)}
    if any(name in os.environ for name in MPI_SIZES):
        return None  # mpirun has names of its own
    if given.get("WORLD_SIZE", "1") == "1" and "LOCAL_RANK" not in given:
        return None
    wrong = [f"{n}={v}" for n, v in given.items() if n != "MASTER_ADDR" and not v.isdecimal()]
    missing = [name for name in LAUNCHED if name not in given]
    if not wrong and not missing:
        return None
    what = f"{', '.join(wrong)} is no number" if wrong else f"{', '.join(missing)} is not set"
    there = ", ".join(f"{name}={value}" for name, value in given.items())
    return (
        f"processes: the environment has {there}, but {what}. Start several processes with "
        f"torchrun, or unset {', '.join(given)} for one."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
