"""What a forward pass may keep, by the memory there is."""

import pytest
import torch

from audioforge.inference import memory_budget
from audioforge.inference.memory_budget import OverBudget, budget, kept_within
from audioforge.inference.out_of_memory import is_out_of_memory

MODULE = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64))
ROWS = 100
KEPT = 2 * 4 * ROWS * 64
"""The input and tanh's output, which the second layer keeps too: float32, each counted once."""


def test_what_is_kept_is_counted_once_and_weights_are_not():
    rows = torch.randn(ROWS, 64)
    with kept_within(KEPT, MODULE):
        MODULE(rows)
    with pytest.raises(OverBudget, match="a pass may keep"), kept_within(KEPT - 1, MODULE):
        MODULE(rows)


def test_it_is_the_sum_of_all_passes():
    first, second = torch.randn(ROWS, 64), torch.randn(ROWS, 64)
    with kept_within(2 * KEPT - 1, MODULE):
        kept = MODULE(first)
        with pytest.raises(OverBudget):
            MODULE(second)
    assert kept.requires_grad


def test_too_much_is_memory_that_ran_out():
    assert is_out_of_memory(OverBudget())


def test_counting_changes_no_gradient():
    rows = torch.randn(ROWS, 64)
    gradients = []
    for most in (None, 2**40):
        with kept_within(most, MODULE):
            loss = MODULE(rows).square().sum()
        gradients.append(torch.autograd.grad(loss, list(MODULE.parameters())))
    assert all(map(torch.equal, *gradients))


def test_directional_derivatives_are_counted_too():
    """As in the loss of a flow; a weight does not move in their direction: 0 takes no memory."""
    rows = torch.randn(ROWS, 64)
    gradients = []
    for most in (None, 2**40):
        with kept_within(most, MODULE):
            value, derivative = torch.func.jvp(MODULE, (rows,), (torch.ones_like(rows),))
            loss = (value + derivative).square().sum()
        gradients.append(torch.autograd.grad(loss, list(MODULE.parameters())))
    assert all(map(torch.equal, *gradients))
    with pytest.raises(OverBudget), kept_within(KEPT - 1, MODULE):
        torch.func.jvp(MODULE, (rows,), (torch.ones_like(rows),))


def test_room_is_left_for_gradients_and_moments_of_what_is_trained(monkeypatch):
    free = 2**30
    monkeypatch.setattr(memory_budget, "_free_bytes", lambda device: free)
    module = torch.nn.Linear(1000, 1000, bias=False)
    trained = budget(torch.device("cpu"), module)
    assert trained == int(memory_budget.KEPT_SHARE * (free - 12 * 1_000_000))
    module.requires_grad_(False)
    assert budget(torch.device("cpu"), module) == int(memory_budget.KEPT_SHARE * free)


def test_a_container_with_a_limit_has_no_more_than_that(monkeypatch, tmp_path):
    monkeypatch.setattr(memory_budget, "CGROUP", tmp_path)
    alone = budget(torch.device("cpu"), MODULE)
    assert alone is not None
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert budget(torch.device("cpu"), MODULE) > 3_000_000
    (tmp_path / "memory.max").write_text("3000000\n")
    assert budget(torch.device("cpu"), MODULE) < 2_000_000
