"""The decoder: from the tokens so far to the logits of the next, for k rows of each clip.

The k rows of a clip attend to one copy of its keys and values: reading them is most of the work of
that attention, and its k rows are k queries of one product. Keys and values of the tokens so far
are written into memory that is taken for `BLOCK` steps at a time.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from audioforge_whisper.attention import attend, lay_out
from audioforge_whisper.cuda_graph import CudaGraph
from audioforge_whisper.encoder import feed_forward
from audioforge_whisper.weights import Attention, CrossAttention, DecoderWeights

BLOCK = 32
"""Steps for which memory is taken at a time: most sentences fit into one."""

Audio = tuple[torch.Tensor, torch.Tensor]
"""Keys and values of the clips in one layer, each of shape (clips, heads, frames, size)."""


class Decoder:
    """The decoder at work on one batch.

    Args:
        weights: The decoder's.
        encoded: The encoder's output, shape (clips, frames, width).
        fixed_shapes: Whether all steps compute on tensors of the same shapes, as a CUDA graph must:
            then a step looks at all the memory for the past, and what is not written is masked.
    """

    def __init__(
        self, weights: DecoderWeights, encoded: torch.Tensor, *, fixed_shapes: bool
    ) -> None:
        self._weights, self._fixed_shapes = weights, fixed_shapes
        self._audio = [self._hear(layer.audio, encoded) for layer in weights.layers]
        self._clips = torch.arange(len(encoded), device=encoded.device)  # of each row
        self._most = 1  # rows of a clip
        self._slots: torch.Tensor | None = None  # of each row among clips × most, if some are empty
        self._past = encoded.new_zeros(0)  # shape (layers, 2, rows, heads, steps, size)
        self._length = 0  # of the past that is written
        self._graph: CudaGraph | None = None

    def read_prompts(self, prompts: torch.Tensor, k: int) -> torch.Tensor:
        """Read the prompt of each clip, once for its k rows.

        Args:
            prompts: Tokens, shape (clips, length).
            k: Rows of each clip from now on; those of one clip are neighbours.

        Returns:
            Float32 logits after the prompt, shape (clips × k, vocabulary).
        """
        weights, (clips, length) = self._weights, prompts.shape
        size = weights.tokens.shape[1] // weights.heads
        shape = (len(weights.layers), 2, clips, weights.heads, length + BLOCK, size)
        self._past = weights.tokens.new_zeros(shape, dtype=weights.dtype)
        logits = self._step(prompts, torch.arange(length, device=prompts.device))
        self._past = self._past.repeat_interleave(k, dim=2)
        self._clips, self._most = self._clips.repeat_interleave(k), k
        self._length = length
        return logits.repeat_interleave(k, dim=0)

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read the next token of each row, shape (rows,); return the logits after it."""
        if self._length == self._past.shape[-2]:
            self._past, self._graph = pad(self._past, (0, 0, 0, BLOCK)), None
        position = torch.tensor([self._length], device=tokens.device)
        self._length += 1
        if not tokens.is_cuda:
            return self._step(tokens[:, None], position)
        if self._graph is None:
            self._graph = CudaGraph(self._step, tokens[:, None], position)
        return self._graph(tokens[:, None], position)

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but these, given by their present numbers, ascending.

        The audio of clips without rows goes when they are half of all: copying what remains costs
        about as much as a step.
        """
        self._past, self._graph = self._past[:, :, rows], None
        clips = self._clips[rows]
        going, places = clips.unique(return_inverse=True)
        if 2 * len(going) <= len(self._audio[0][0]):
            self._audio = [(keys[going], values[going]) for keys, values in self._audio]
            clips = places
        counts = clips.bincount(minlength=len(self._audio[0][0]))
        self._clips, self._most = clips, int(counts.max())
        first = counts.cumsum(0) - counts
        number = torch.arange(len(rows), device=rows.device) - first[clips]
        full = len(rows) == self._most * len(counts)
        self._slots = None if full else clips * self._most + number

    def _step(self, tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Read tokens, shape (rows, length), at these positions; return logits after the last."""
        weights, steps = self._weights, self._past.shape[-2]
        seen = None
        if self._fixed_shapes or tokens.shape[1] > 1:
            seen = torch.arange(steps, device=tokens.device) <= positions[:, None]
        else:
            steps = self._length
        hidden = weights.tokens[tokens] + weights.positions[positions]
        for layer, past, audio in zip(weights.layers, self._past, self._audio, strict=True):
            keys, values, queries = self._remember(layer.attention, hidden, past, positions)
            mixed = attend(queries, keys[:, :, :steps], values[:, :, :steps], seen)
            hidden = hidden + layer.attention.out(mixed.transpose(1, 2).flatten(2))
            hidden = hidden + self._listen(layer.audio, hidden, audio)
            hidden = hidden + feed_forward(layer.mlp, hidden)
        return weights.vocabulary(weights.norm(hidden[:, -1])).float()

    def _remember(
        self,
        attention: Attention,
        hidden: torch.Tensor,
        past: torch.Tensor,
        positions: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Write keys and values of the tokens; return all keys and values, and the queries."""
        joint = attention.queries_keys_values(attention.norm(hidden))
        queries, *new = joint.unflatten(-1, (3, self._weights.heads, -1)).permute(2, 0, 3, 1, 4)
        past.index_copy_(3, positions, torch.stack(new))
        return past[0], past[1], queries

    def _listen(
        self, attention: CrossAttention, hidden: torch.Tensor, audio: Audio
    ) -> torch.Tensor:
        """Return what the audio adds: all tokens of a clip are queries of one attention."""
        queries = attention.queries(attention.norm(hidden))
        if self._slots is not None:
            empty = queries.new_zeros(len(audio[0]) * self._most, *queries.shape[1:])
            queries = empty.index_copy_(0, self._slots, queries)
        by_clip = queries.view(len(audio[0]), -1, self._weights.heads, audio[0].shape[-1])
        mixed = attend(by_clip.transpose(1, 2), *audio).transpose(1, 2).reshape(queries.shape)
        return attention.out(mixed if self._slots is None else mixed[self._slots])

    def _hear(self, attention: CrossAttention, encoded: torch.Tensor) -> Audio:
        joint = attention.keys_values(encoded)
        keys, values = joint.unflatten(-1, (2, self._weights.heads, -1)).permute(2, 0, 3, 1, 4)
        return lay_out(keys), values.contiguous()
