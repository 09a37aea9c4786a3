"""A linear layer with a low-rank update, in one matrix product instead of three.

PEFT computes W x + s B (A x): for each update, two thin products and three passes over the
activations more, all kept for the backward pass. For many rows it costs less to add s B A to W
first; the gradients of A and B then take thin products only, as in PEFT.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from peft.tuners.lora import Linear
from torch.nn.functional import linear


class LowRankLinear(Linear):
    """PEFT's layer, with weights and names as they are there."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the layer's output for rows of features.

        Few rows, as in a step of decoding, are not worth the product B A.
        """
        base: Any = self.get_base_layer()
        rows = x.numel() // base.in_features
        if rows * (base.in_features + base.out_features) < base.weight.numel():
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        low: Any = self.lora_A[name].weight
        high = self.lora_B[name].weight * self.scaling[name]
        kind = x.device.type
        if torch.is_autocast_enabled(kind):
            x = x.to(torch.get_autocast_dtype(kind))
        product: Any = _MergedProduct.apply
        return cast("torch.Tensor", product(x, base.weight, base.bias, low, high))


class _MergedProduct(torch.autograd.Function):
    """x (W + B A)ᵀ + bias, of which W and the bias are frozen."""

    @staticmethod
    def forward(
        context: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        low: torch.Tensor,
        high: torch.Tensor,
    ) -> torch.Tensor:
        context.save_for_backward(x, weight, low, high)
        own_bias = None if bias is None else bias.to(x.dtype)
        return linear(x, _merged(x, weight, low, high), own_bias)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> Any:
        x, weight, low, high = context.saved_tensors
        of_x = of_low = of_high = None
        if context.needs_input_grad[0]:
            of_x = gradient @ _merged(x, weight, low, high)
        rows, errors = x.flatten(0, -2), gradient.flatten(0, -2)
        if context.needs_input_grad[3]:
            of_low = ((errors @ high.to(errors.dtype)).t() @ rows).to(low.dtype)
        if context.needs_input_grad[4]:
            of_high = (errors.t() @ (rows @ low.t().to(rows.dtype))).to(high.dtype)
        return of_x, None, None, of_low, of_high


def _merged(
    x: torch.Tensor, weight: torch.Tensor, low: torch.Tensor, high: torch.Tensor
) -> torch.Tensor:
    """Return W + B A, added in the precision of the weights and rounded to that of x."""
    with torch.autocast(x.device.type, enabled=False):
        return torch.addmm(weight, high, low).to(x.dtype)
