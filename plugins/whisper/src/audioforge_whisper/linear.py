"""Linear layers for a network that only speaks: a function of its input, its weight laid out once.

PyTorch's own `linear` reads a weight row by row and lays it out anew for every product. oneDNN can
keep it in the layout of its kernels, which saves a quarter to two thirds of the time where rows are
few. PyTorch has that for itself (`torch.compile` uses it) under names that may change, so it is
tried before it is used, and what cannot be laid out so is multiplied as ever.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import linear

Linear = Callable[[torch.Tensor], torch.Tensor]
"""From shape (…, inputs) to (…, outputs), in the weight's precision."""

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 0.5}
"""Of products over `TRIED` terms; float32 in bfloat16 or TF32 would be off by 1e-2 and more."""
TRIED = 64


def make_linear(weight: torch.Tensor, bias: torch.Tensor | None, packed: bool) -> Linear:
    """Return the layer.

    Args:
        weight: Shape (outputs, inputs).
        bias: Shape (outputs,), or none.
        packed: Whether to lay the weight out for oneDNN, as `can_pack` allows.
    """
    if packed:
        return _pack(weight, bias)
    return lambda inputs: linear(inputs.to(weight.dtype), weight, bias)


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether oneDNN's layout can be had, and its products are as exact as PyTorch's own.

    On some processors oneDNN may be allowed to round float32 to bfloat16 (see
    `torch.backends.mkldnn.matmul.fp32_precision`), so a product is compared.
    """
    if device.type != "cpu" or dtype not in TOLERANCES or not torch.backends.mkldnn.is_available():
        return False
    numbers = torch.arange(2 * TRIED * TRIED).mul(0.7).sin().to(dtype)
    weight, inputs = numbers.view(2, TRIED, TRIED)
    try:
        product = _pack(weight, inputs[0])(inputs)
    except (AttributeError, RuntimeError):  # another PyTorch, or a processor without bfloat16
        return False
    exact = inputs.double() @ weight.double().T + inputs[0]
    return bool((product - exact).abs().max() < TOLERANCES[dtype])


def _pack(weight: torch.Tensor, bias: torch.Tensor | None) -> Linear:
    ops, dtype = torch.ops.mkldnn, weight.dtype  # the function is not to hold the weight itself
    packed = ops._reorder_linear_weight(weight, None)

    def product(inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = ops._linear_pointwise(inputs.to(dtype), packed, bias, "none", [], "")
        return result

    return product
