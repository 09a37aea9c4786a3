"""Weights between two checkpoints."""

import pytest
import torch

from audioforge.errors import CheckpointError
from audioforge.raft.interpolation import interpolated


class Network(torch.nn.Module):
    """Tied weights, a buffer of numbers and a counter, as real models have."""

    def __init__(self, value: float, width: int = 4) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(5, width)
        self.project = torch.nn.Linear(width, 5, bias=False)
        self.project.weight = self.embed.weight
        self.register_buffer("mean", torch.full((3,), value))
        self.register_buffer("count", torch.tensor(int(value)))
        with torch.no_grad():
            self.embed.weight.fill_(value)


class Holder:
    def __init__(self, module):
        self.module = module


def load(name: str) -> Holder:
    return Holder({"base": Network(1.0), "tuned": Network(3.0), "wide": Network(1.0, 6)}[name])


@pytest.mark.parametrize(("alpha", "value"), [(0, 1.0), (0.25, 1.5), (0.5, 2.0), (1, 3.0)])
def test_weights_lie_on_the_line_and_tied_ones_are_moved_once(alpha, value):
    module = interpolated(load, "base", "tuned", alpha).module
    assert torch.equal(module.embed.weight, torch.full((5, 4), value))
    assert module.project.weight is module.embed.weight
    assert torch.equal(module.mean, torch.full((3,), value))
    assert int(module.count) == 3


def test_the_ends_of_the_line_are_exact(tone_model, tmp_path):
    torch.manual_seed(0)
    folders = []
    for name in ("base", "tuned"):
        model = tone_model({"weight": torch.randn(3, 3), "bias": torch.randn(3)})
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        model.save(folders[-1])
    base, tuned = map(str, folders)
    for alpha, end in ((0.0, base), (1.0, tuned)):
        moved = interpolated(tone_model.load, base, tuned, alpha).module.state_dict()
        for name, weight in tone_model.load(end).module.state_dict().items():
            assert torch.equal(moved[name], weight)


def test_models_of_other_shapes_are_refused():
    with pytest.raises(CheckpointError, match="wide and tuned do not have the same weights"):
        interpolated(load, "wide", "tuned", 0.5)
