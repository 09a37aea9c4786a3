"""Low-rank updates: one product, and the gradients of PEFT's three."""

import pytest
import torch
from peft.tuners.lora import Linear

from audioforge.huggingface.low_rank import add_low_rank_updates

RANK, ALPHA = 4, 8.0
MANY, FEW = 50, 8
"""Rows: more and fewer than half the width, from where one product is worth it."""


def network(width=32):
    torch.manual_seed(0)
    model = torch.nn.ModuleDict(
        {
            "in_proj": torch.nn.Linear(width, width),
            "q_proj": torch.nn.Linear(width, width),
            "v_proj": torch.nn.Linear(width, width, bias=False),
        }
    )
    add_low_rank_updates(model, RANK, ALPHA)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return model


def gradients(model, rows, forward):
    """Loss and gradients by the layers' own forward pass, or by PEFT's."""
    x = torch.randn(2, rows // 2, 32, generator=torch.Generator().manual_seed(1))
    x.requires_grad_()
    hidden = forward(model["q_proj"], model["in_proj"](x)).tanh()
    loss = forward(model["v_proj"], hidden).square().mean()
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    trained = dict(model.named_parameters())
    found = torch.autograd.grad(loss, [x, *(trained[n] for n in names)])
    return loss.item(), dict(zip(["x", *names], found, strict=True))


@pytest.mark.parametrize("rows", [MANY, FEW])
def test_gradients_are_pefts(rows):
    model = network()
    loss, found = gradients(model, rows, lambda layer, x: layer(x))
    expected_loss, expected = gradients(model, rows, Linear.forward)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert found.keys() == expected.keys()
    assert len(found) == 1 + 4  # two layers, each with A and B
    for name, gradient in expected.items():
        assert gradient.any()
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-7)


def test_bfloat16_rounds_and_no_more():
    model = network()
    _, exact = gradients(model, MANY, lambda layer, x: layer(x))
    with torch.autocast("cpu", torch.bfloat16):
        _, found = gradients(model, MANY, lambda layer, x: layer(x))
    for name, gradient in exact.items():
        assert found[name].dtype == torch.float32
        assert (found[name] - gradient).norm() < 0.05 * gradient.norm()
