"""The resume point: what is in it, and that there is a whole one at every instant."""

from __future__ import annotations

import json
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from audioforge.errors import TrainingError
from audioforge.run.resume_points import Progress, ResumePoints

from .tone_run import Fork, until


class Growing(torch.nn.Module):
    """Counts what it sees, and caches positions as long as its longest input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.frozen = torch.nn.Linear(4, 4).requires_grad_(False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("positions", torch.zeros(0), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        if len(self.positions) < len(inputs):
            self.positions = torch.arange(len(inputs), dtype=torch.float32)
        return self.layer(inputs) + self.positions[: len(inputs), None]


def stepped(module: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for step in range(steps):
        torch.manual_seed(step)
        module(torch.randn(5, 4)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def made() -> tuple[Growing, torch.optim.AdamW]:
    torch.manual_seed(0)
    module = Growing()
    trained = [p for p in module.parameters() if p.requires_grad]
    return module, torch.optim.AdamW(trained, lr=0.01)


def test_weights_moments_and_buffers_come_back_bit_by_bit(tmp_path: Path) -> None:
    points = ResumePoints(tmp_path)
    module, optimizer = made()
    stepped(module, optimizer, 3)
    points.save(Progress(2, losses=[1.0, 0.5, 0.1], norms=[1.0, 1.0, 1.0]), module, optimizer)
    other, other_optimizer = made()
    points.restore_module(other)
    points.restore_optimizer(other_optimizer)
    assert points.progress() == Progress(2, losses=[1.0, 0.5, 0.1], norms=[1.0, 1.0, 1.0])
    for one, two in ((module, optimizer), (other, other_optimizer)):
        stepped(one, two, 4)
    assert int(other.seen) == 7
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_a_point_holds_what_was_trained_and_no_pickle(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    module, optimizer = made()
    stepped(module, optimizer, 1)
    ResumePoints(tmp_path).save(Progress(1), module, optimizer)
    (folder,) = tmp_path.glob("point-*")
    assert {p.suffix for p in folder.iterdir()} == {".safetensors", ".json"}
    saved = load_file(folder / "weights.safetensors")
    assert saved.keys() == {"layer.weight", "layer.bias", "seen"}


def test_tied_weights_are_saved_once_and_come_back(tmp_path: Path) -> None:
    module = torch.nn.ModuleList([torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)])
    module[1].weight = module[0].weight
    ResumePoints(tmp_path).save(Progress(1), module, None)
    expected = module[0].weight.detach().clone()
    torch.nn.init.zeros_(module[0].weight)
    ResumePoints(tmp_path).restore_module(module)
    assert torch.equal(module[1].weight, expected)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    ResumePoints(tmp_path).save(Progress(1), torch.nn.Linear(3, 3), None)
    with pytest.raises(TrainingError, match="holds the weights of another model"):
        ResumePoints(tmp_path).restore_module(torch.nn.Linear(3, 4))


def _has_passed(pointer: Path, name: str) -> bool:
    """Look at the pointer alone: the process removes the folder it named while this one reads."""
    return pointer.exists() and json.loads(pointer.read_text("utf-8"))["point"] > name


def test_killed_at_any_instant_there_is_a_whole_point(tmp_path: Path) -> None:
    """A dozen kills of a process that does nothing but save."""
    points, draw = ResumePoints(tmp_path), random.Random(0)

    def _save_forever() -> None:
        module, optimizer = made()
        stepped(module, optimizer, 1)
        before = points.progress()
        steps = before.steps if before is not None else 0
        while True:
            steps += 1
            torch.nn.init.constant_(module.layer.weight, steps)
            points.save(Progress(1, losses=[float(steps)] * steps), module, optimizer)

    reached = 0
    for _ in range(12):
        fork = Fork(_save_forever)
        until(partial(_has_passed, tmp_path / "point.json", f"point-{reached:06d}"))
        time.sleep(draw.uniform(0, 0.05))
        fork.signal(signal.SIGKILL)
        assert fork.end() == -signal.SIGKILL, fork.said
        progress = points.progress()
        assert progress is not None
        assert progress.steps > reached
        reached = progress.steps
        module, optimizer = made()
        points.restore_module(module)
        points.restore_optimizer(optimizer)
        assert module.layer.weight.eq(reached).all()
