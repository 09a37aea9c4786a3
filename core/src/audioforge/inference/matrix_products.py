"""Which library multiplies float32 matrices on a CPU.

PyTorch asks Intel's MKL, which takes its fast paths on Intel's own CPUs; elsewhere oneDNN is up to
twice as fast. PyTorch asks oneDNN when it is allowed to compute in bfloat16 inside, and on a CPU
with units for that oneDNN really does. So it is asked only where MKL is slow, and where its results
are those of float32.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import torch

Library = Literal["oneDNN", "PyTorch's own choice"]

SHAPES = ((16, 384, 384), (1500, 384, 384), (64, 1024, 2048))
"""Rows, features in, features out, as of a decoding step, an encoder, and a larger layer."""

FLOAT32_ERROR = 2e-6
"""Relative to the norm of the exact product; float32 errs by 4e-7 here, bfloat16 by 2e-3."""

CPU_INFO = Path("/proc/cpuinfo")


@cache
def library() -> Library:
    """Return which library is asked on this machine: the same one every time, whatever its load."""
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()):
        return "PyTorch's own choice"
    is_slow_in_mkl = _vendor() not in (None, "GenuineIntel")
    return "oneDNN" if is_slow_in_mkl and _onednn_is_exact() else "PyTorch's own choice"


@contextmanager
def by_the_faster_library() -> Iterator[None]:
    """Multiply with the library of this machine; what was set before is restored afterwards."""
    if library() != "oneDNN":
        yield
        return
    with _through_onednn():
        yield


@contextmanager
def _through_onednn() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")  # what is allowed; what is done was verified
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _onednn_is_exact() -> bool:
    """Whether products through oneDNN err as those of float32 do, for all kinds of shapes."""
    generator = torch.Generator().manual_seed(0)
    for rows, width, out in SHAPES:
        x = torch.randn(rows, width, generator=generator)
        weight = torch.randn(out, width, generator=generator)
        exact = x.double() @ weight.double().t()
        with torch.autocast("cpu", enabled=False), _through_onednn():
            product = torch.nn.functional.linear(x, weight)
        if float((product.double() - exact).norm() / exact.norm()) > FLOAT32_ERROR:
            return False
    return True


def _vendor() -> str | None:
    """Return who made the CPU, in the words of the CPU itself; None where that is not known."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    fields = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in fields if name.strip() == "vendor_id"), None)
