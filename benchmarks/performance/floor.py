"""The floor: operations of the work over the rate of the faster library, measured in the same run.

Only matrix products count, each at the rate that the library reaches at the encoder's largest one.
Everything else (attention's softmax, norms, the draw, Python) is what there is to save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from attrs import frozen

from audioforge_whisper.untrained import Architecture
from performance.timing import Contestant, median

REPEATS = 3
"""Products of one turn, so that a turn is long against the clock."""


@frozen(kw_only=True)
class Work:
    """Clips through a Whisper.

    Attributes:
        clips: How many.
        hypotheses: Of each clip.
        tokens: Of each hypothesis.
        prompt: Tokens before them.
    """

    clips: int
    hypotheses: int
    tokens: int
    prompt: int


def encoder_operations(shape: Architecture) -> int:
    """Return the floating-point operations of a clip's matrix products in the encoder."""
    frames, width = _frames(shape), shape.width
    layer = 2 * (frames * 12 * width**2 + 2 * frames**2 * width)
    return sum(_convolutions(shape)) + shape.encoder_layers * layer


def _convolutions(shape: Architecture) -> tuple[int, int]:
    """Return those of the encoder's two convolutions."""
    frames, width = _frames(shape), shape.width
    return 2 * 2 * frames * 3 * shape.mels * width, 2 * frames * 3 * width**2


def decoder_operations(shape: Architecture, work: Work) -> int:
    """Return those of drawing a clip's hypotheses: the prompt once, then token by token."""
    frames, width = _frames(shape), shape.width
    vocabulary = shape.text_tokens + shape.timestamps
    once = shape.decoder_layers * 2 * frames * width**2  # keys and values of what was heard
    rows = work.prompt + work.hypotheses * (work.tokens - 1)
    past = work.prompt + work.tokens / 2
    layer = 14 * width**2 + 2 * width * (frames + past)
    projected = 1 + work.hypotheses * (work.tokens - 1)
    return round(2 * (once + rows * shape.decoder_layers * layer + projected * width * vocabulary))


def rollout_operations(shape: Architecture, work: Work) -> int:
    """Return the operations of drawing all hypotheses."""
    return work.clips * (encoder_operations(shape) + decoder_operations(shape, work))


def update_operations(shape: Architecture, rows: int, trainable: str) -> int:
    """Return the operations of a clip in a step: forward, and backward what is needed.

    Args:
        shape: Of the Whisper.
        rows: Tokens of prompt and target.
        trainable: "full" (gradients of activations and of weights), "lora" (of activations), or
            "frozen-encoder" (of the decoder alone, the encoder's output being at hand).
    """
    frames, width = _frames(shape), shape.width
    once = 2 * shape.decoder_layers * 2 * frames * width**2
    layer = 14 * width**2 + 2 * width * (frames + rows)
    vocabulary = (shape.text_tokens + shape.timestamps) * width
    decoder = once + 2 * rows * (shape.decoder_layers * layer + vocabulary)
    if trainable == "frozen-encoder":
        return 3 * decoder - once
    first, second = _convolutions(shape)
    forward = encoder_operations(shape) + decoder
    if trainable == "lora":
        return 2 * forward - first - second
    return 3 * forward - first


def _frames(shape: Architecture) -> int:
    return shape.window_seconds * 16_000 // shape.hop_length // 2


@frozen(eq=False)
class Probe:
    """One library's product at the encoder's largest shape.

    Attributes:
        name: The library, and how it holds the weights.
        operations: Of one turn.
        contestant: Takes the turns.
    """

    name: str
    operations: int
    contestant: Contestant


def probes(shape: Architecture, clips: int, *, bf16: bool) -> Iterator[Probe]:
    """Yield the libraries that torch has, each with this many clips' frames at once.

    Args:
        shape: Of the Whisper.
        clips: In one batch.
        bf16: Whether to measure bfloat16 too.
    """
    frames = clips * _frames(shape)
    x, weight = torch.randn(frames, shape.width), torch.randn(4 * shape.width, shape.width)
    operations = 2 * REPEATS * x.numel() * len(weight)
    products: dict[str, Callable[[], object]] = {
        "torch": lambda: torch.nn.functional.linear(x, weight)
    }
    if (packed := _packed(x, weight)) is not None:
        products["oneDNN, packed"] = packed
    if bf16 and (reduced := _packed(x.bfloat16(), weight.bfloat16())) is not None:
        products["oneDNN, packed, bfloat16"] = reduced
    for name, product in products.items():
        contestant = Contestant(f"product: {name}", _repeated(product))
        yield Probe(name, operations, contestant)


def rates_of(probes: Sequence[Probe], seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return each library's operations a second, and take its turns out of what was measured."""
    return {p.name: p.operations / median(seconds.pop(p.contestant.name)) for p in probes}


def fastest_float32(rates: Mapping[str, float]) -> float:
    """Return the rate of the faster library."""
    return max(rate for name, rate in rates.items() if "bfloat16" not in name)


def gigaflops(rates: Mapping[str, float]) -> dict[str, float]:
    """Return rates as tables have them."""
    return {name: round(rate / 1e9, 1) for name, rate in rates.items()}


def _repeated(product: Callable[[], object]) -> Callable[[Any], None]:
    def work(_: Any) -> None:
        for _ in range(REPEATS):
            product()

    return work


def _packed(x: torch.Tensor, weight: torch.Tensor) -> Callable[[], object] | None:
    """Return oneDNN's product with weights in its own order; None where torch is built without.

    The operators are private to torch, so that whether they are there is tried.
    """
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, len(x))

        def product() -> object:
            return torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")

        product()
    except (AttributeError, RuntimeError):
        return None
    return product
