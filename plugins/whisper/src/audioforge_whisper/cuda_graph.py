"""A decoding step as one CUDA graph: hundreds of small kernels, started by one call.

Not measured: nothing of it runs without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class CudaGraph:
    """A recorded step. It reads and writes the memory that it was recorded with.

    Args:
        step: Takes tokens and positions, returns logits; it neither waits for the GPU nor changes
            its shapes.
        tokens: As the step will get them.
        positions: As the step will get them.
    """

    def __init__(self, step: Step, tokens: torch.Tensor, positions: torch.Tensor) -> None:
        self._tokens, self._positions = tokens.clone(), positions.clone()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # libraries take their memory in the first call
            step(self._tokens, self._positions)
        torch.cuda.current_stream().wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may copy clips to the GPU meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._logits = step(self._tokens, self._positions)

    def __call__(self, tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Take the step; what it returns is overwritten by the next one."""
        self._tokens.copy_(tokens)
        self._positions.copy_(positions)
        self._graph.replay()
        return self._logits
