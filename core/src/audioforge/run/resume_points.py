"""The resume point: weights, optimiser and position of the update, without pickle.

Tensors are safetensors and the rest is JSON, written into a new folder `state/point-NNNNNN/`; then
the file `state/point.json` is moved to name it, and the folder before it is removed. So there is a
whole point at every instant.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

import attrs
import cattrs
import torch
from attrs import define, field, frozen
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from audioforge.errors import TrainingError
from audioforge.files import atomic


@define
class Progress:
    """How far the update of a cycle is.

    Attributes:
        cycle: The cycle, from 1.
        finished: Whether the update is over.
        losses: Loss of each step that was done, in nats per token.
        norms: Gradient norm of each of them.
        seconds: What they took.
        clips_at_once: Clips that fitted into the memory at once; None before the first step.
    """

    cycle: int
    finished: bool = False
    losses: list[float] = field(factory=list)
    norms: list[float] = field(factory=list)
    seconds: float = 0.0
    clips_at_once: int | None = None

    @property
    def steps(self) -> int:
        """How many steps were done."""
        return len(self.losses)

    def add(self, loss: float, norm: float, seconds: float) -> None:
        """Add a step that was done.

        Args:
            loss: In nats per token.
            norm: The gradient norm.
            seconds: What the update took until now.
        """
        self.losses.append(loss)
        self.norms.append(norm)
        self.seconds = seconds

    def describe(self) -> str:
        """Return how far the update is, in a few words."""
        steps = "all" if self.finished else str(self.steps)
        return f"cycle {self.cycle}, {steps} steps of its update done"


@frozen
class ResumePoints:
    """The resume point of a run folder; at most one.

    Attributes:
        folder: `state/` of the run.
    """

    folder: Path

    def save(
        self, progress: Progress, module: torch.nn.Module, optimizer: torch.optim.Optimizer | None
    ) -> None:
        """Write a resume point, and remove the one before it.

        Args:
            progress: How far the update is.
            module: The network, of which trained weights and buffers are written.
            optimizer: The update's optimiser; None when the update is over, since each cycle starts
                a fresh one.

        Raises:
            OSError: If it cannot be written; the one before it stays.
        """
        before = self._current()
        name = f"point-{int(before.name.rpartition('-')[2]) + 1 if before else 1:06d}"
        with atomic.new_folder(self.folder / name) as folder:
            _write_tensors(_trained(module), folder / "weights.safetensors")
            if optimizer is not None:
                _write_tensors(_flattened(optimizer), folder / "optimizer.safetensors")
            atomic.write_json(folder / "progress.json", attrs.asdict(progress))
        atomic.write_json(self._pointer, {"point": name})
        for path in self.folder.glob("point-*"):
            if path.name != name:
                shutil.rmtree(path, ignore_errors=True)

    def progress(self) -> Progress | None:
        """Return how far the run is; None before the first point.

        Raises:
            TrainingError: If what is there is damaged.
        """
        folder = self._current()
        if folder is None:
            return None
        try:
            values = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
            return cattrs.structure(values, Progress)
        except (OSError, ValueError, TypeError, cattrs.BaseValidationError) as error:
            raise _damaged(folder, error) from error

    def restore_module(self, module: torch.nn.Module) -> None:
        """Put the weights of the point into a model that is trainable in the same way.

        Raises:
            TrainingError: If they are damaged or of another model.
        """
        path = self._there() / "weights.safetensors"
        own = _trained(module)
        saved = _read_tensors(path)
        if {n: t.shape for n, t in saved.items()} != {n: t.shape for n, t in own.items()}:
            raise TrainingError(f"{path}: holds the weights of another model")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved[name])

    def restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the moments of the point into a fresh optimiser of the same weights.

        Raises:
            TrainingError: If they are damaged.
        """
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _read_tensors(self._there() / "optimizer.safetensors").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})

    @property
    def _pointer(self) -> Path:
        return self.folder / "point.json"

    def _there(self) -> Path:
        folder = self._current()
        assert folder is not None, "progress() says whether there is a point"
        return folder

    def _current(self) -> Path | None:
        try:
            name = json.loads(self._pointer.read_text(encoding="utf-8"))["point"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(self._pointer, error) from error
        return self.folder / str(name)


def _trained(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return what an update changes: the trained weights, and buffers such as running means.

    Buffers that no checkpoint holds follow from the rest, and can grow with the longest clip.
    """
    weights = {n: p for n, p in module.named_parameters() if p.requires_grad}
    persistent = module.state_dict().keys()
    return weights | {n: b for n, b in module.named_buffers() if n in persistent}


def _flattened(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = cast("dict[int, dict[str, Any]]", optimizer.state_dict()["state"])
    return {f"{i}.{key}": torch.as_tensor(v) for i, row in state.items() for key, v in row.items()}


def _write_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    # Copies, because safetensors refuses tensors that share their memory, as tied ones do.
    plain = {n: t.detach().to("cpu", copy=True).contiguous() for n, t in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:  # what stopped it is only in its text
        raise OSError(None, str(error), str(path)) from error


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"{path}: the resume point cannot be read: {error}. Start a new run from the run's "
        f"config.yaml; finished cycles have their checkpoint."
    )
