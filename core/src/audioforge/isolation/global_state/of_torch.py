"""The state of PyTorch, where something has imported it; nothing here does."""

from __future__ import annotations

import sys
from typing import Any

from audioforge.isolation.global_state.kind import Generator, Kind

DEVICES = ("cpu", "cuda")
"""Kinds of device that autocast has a setting of its own for."""

_guards: list[Any] = []
"""Leaving inference mode is a guard, whose end would enter it again: they last."""


def kinds() -> list[Kind]:
    """Return what there is to look at; inference mode first, since it holds the grad mode."""
    torch = _torch()
    if torch is None:
        return []
    cudnn = torch.backends.cudnn
    return [
        Kind("PyTorch's inference mode", torch.is_inference_mode_enabled, _set_inference_mode),
        Kind("PyTorch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Kind("PyTorch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Kind("PyTorch's default device", _default_device, _set_default_device),
        Kind("PyTorch's number of threads", torch.get_num_threads, torch.set_num_threads),
        Kind("PyTorch's autocast", _autocast, _set_autocast),
        Kind(
            "PyTorch's choice of deterministic algorithms",
            lambda: (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            ),
            lambda state: torch.use_deterministic_algorithms(state[0], warn_only=state[1]),
        ),
        Kind(
            "PyTorch's precision of matrix products",
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
        Kind(
            "PyTorch's use of cuDNN",
            lambda: (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
            _set_cudnn,
        ),
    ]


def generators() -> list[Generator]:
    """Return PyTorch's generator, and that of the current CUDA device where it is in use."""
    torch = _torch()
    if torch is None:
        return []
    found = [torch.default_generator]
    if torch.cuda.is_initialized():
        found.append(torch.cuda.default_generators[torch.cuda.current_device()])
    return [Generator(g.get_state, g.set_state, g.manual_seed) for g in found]


def _torch() -> Any:
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "backends") else None  # it may be in the middle of its import


def _set_inference_mode(on: bool) -> None:
    guard = _torch().inference_mode(on)
    guard.__enter__()
    _guards.append(guard)


def _default_device() -> str:
    return str(_torch().get_default_device())


def _set_default_device(device: str) -> None:
    # Not "cpu", under which every call of PyTorch goes through a function in Python.
    _torch().set_default_device(None if device == "cpu" else device)


def _set_cudnn(state: tuple[bool, bool, bool]) -> None:
    cudnn = _torch().backends.cudnn
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic = state


def _autocast() -> tuple[Any, ...]:
    torch = _torch()
    torch.autocast_increment_nesting()
    depth = torch.autocast_decrement_nesting()
    return (
        depth,
        *(torch.is_autocast_enabled(device) for device in DEVICES),
        *(torch.get_autocast_dtype(device) for device in DEVICES),
    )


def _set_autocast(state: tuple[Any, ...]) -> None:
    """Set what was read; at depth 0 the copies of weights go, which would outlive a step."""
    torch = _torch()
    depth, *settings = state
    while _autocast()[0] > depth:
        torch.autocast_decrement_nesting()
    while _autocast()[0] < depth:
        torch.autocast_increment_nesting()
    for device, enabled, dtype in zip(DEVICES, settings[:2], settings[2:], strict=True):
        torch.set_autocast_enabled(device, enabled)
        torch.set_autocast_dtype(device, dtype)
    if depth == 0:
        torch.clear_autocast_cache()
