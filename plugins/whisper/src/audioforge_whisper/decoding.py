"""The decoding loop: k hypotheses per clip, greedy or drawn.

Transformers' `generate(num_return_sequences=k)` runs the encoder k times per clip and draws from
torch's global generator in the order of the batch. Here a clip is encoded once, its prompt is read
once, and its k hypotheses share its audio (see `decoder`); every row draws from numbers keyed by
(seed, cycle, sample id, hypothesis index), one for each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from attrs import frozen

from audioforge.huggingface.draw import truncate
from audioforge.inference.finite_numbers import check_outputs
from audioforge.keyed_random import uniforms
from audioforge.model import SamplingParams
from audioforge.sample import AudioSample
from audioforge_whisper.draw import draw, most_likely

ENDED = 0.25
"""Share of the rows that have ended at which they leave; to copy the others' past costs a step."""


class Reader(Protocol):
    """A decoder at work on one batch of clips."""

    def read_prompts(self, prompts: torch.Tensor, k: int) -> torch.Tensor:
        """Read each clip's prompt; return logits of its k rows, shape (clips × k, vocabulary)."""

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read a token of each row, shape (rows,); return the logits of the next."""

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but these, given by their present numbers, ascending."""


@frozen
class TokenRules:
    """What a checkpoint's generation configuration says about tokens.

    Attributes:
        end: The token that ends a transcript.
        never: Tokens that are never chosen.
        never_first: Tokens that are not chosen as the first of a transcript.
    """

    end: int
    never: tuple[int, ...]
    never_first: tuple[int, ...]


@frozen
class Decoded:
    """One decoded row.

    Attributes:
        tokens: The chosen tokens, with the end token where it was reached.
        logprob: Natural log-probability under the model itself: at temperature 1, nothing left out.
        cut: Whether its clip's limit ended it.
    """

    tokens: list[int]
    logprob: float
    cut: bool


@frozen(eq=False)
class ClipsToDecode:
    """A batch of clips, without their sound.

    Attributes:
        samples: The samples, whose ids key the noise.
        prompts: Prompt tokens, shape (clips, prompt length).
        limits: How many tokens a transcript of each clip may have, end token included.
    """

    samples: Sequence[AudioSample]
    prompts: torch.Tensor
    limits: Sequence[int]


def keyed_noise(
    sample_ids: Sequence[str], k: int, steps: int, params: SamplingParams
) -> torch.Tensor:
    """Return float64 numbers in [0, 1), shape (samples × k, steps), that depend on keys only."""
    rows = [
        uniforms(steps, params.seed, params.cycle, sample_id, index)
        for sample_id in sample_ids
        for index in range(k)
    ]
    return torch.from_numpy(np.stack(rows))


def decode(
    reader: Reader, clips: ClipsToDecode, k: int, params: SamplingParams, rules: TokenRules
) -> list[list[Decoded]]:
    """Decode k hypotheses for each clip; called without gradients.

    Args:
        reader: Has the clips' sound, and has read nothing.
        clips: What is decoded.
        k: Hypotheses per clip.
        params: How to draw; temperature 0 takes the most likely token.
        rules: What the checkpoint's tokens stand for, and which it never says.

    Raises:
        TrainingError: If the network's output is not a number, naming the clips.
    """
    loop = _Loop(clips, k, params, rules)
    logits = reader.read_prompts(clips.prompts, k)
    for step in range(max(clips.limits)):
        highest = logits.amax(dim=-1)
        if not highest.isfinite().all():  # a draw would give a token that does not exist
            check_outputs(clips.samples, loop.finite_clips(highest))
        chosen, logprobs = loop.choose(logits, step)
        loop.write(chosen, logprobs, step)
        left = loop.drop_ended_rows()
        if not len(loop.rows):
            break
        if left is not None:
            reader.keep(left)
        logits = reader.read(loop.tokens[loop.rows, step])
    return loop.result()


class _Loop:
    """The state of one call of `decode`. A row is one hypothesis; rows of a clip are adjacent."""

    def __init__(
        self, clips: ClipsToDecode, k: int, params: SamplingParams, rules: TokenRules
    ) -> None:
        self.k, self.params, self.rules = k, params, rules
        total, steps, device = len(clips.samples) * k, max(clips.limits), clips.prompts.device
        self.limits = torch.tensor(clips.limits, device=device).repeat_interleave(k)
        self.tokens = torch.full((total, steps), rules.end, device=device)
        self.logprobs = torch.zeros(total, dtype=torch.float64, device=device)
        self.lengths = torch.zeros(total, dtype=torch.long, device=device)
        self.ended = torch.zeros(total, dtype=torch.bool, device=device)
        self.rows = torch.arange(total, device=device)  # those still decoded
        self.noise: torch.Tensor | None = None
        if params.temperature > 0:
            ids = [sample.id for sample in clips.samples]
            self.noise = keyed_noise(ids, k, steps, params).to(device)
        self._never = torch.tensor(rules.never, dtype=torch.long, device=device)
        first = sorted({*rules.never, *rules.never_first})
        self._never_first = torch.tensor(first, dtype=torch.long, device=device)

    def choose(self, logits: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next token of each row and its log-probability; logits are changed."""
        banned = self._never_first if step == 0 else self._never
        left_out = logits[:, banned].double().logsumexp(dim=-1)
        allowed = logits.index_fill_(-1, banned, -torch.inf)
        if self.noise is None:
            chosen, total = most_likely(allowed), allowed.logsumexp(dim=-1)
        elif self.params.temperature == 1 and not self.params.top_k and self.params.top_p == 1:
            chosen, total = draw(allowed, self.noise[self.rows, step])
        else:
            tempered = allowed / self.params.temperature
            kept = truncate(tempered, self.params.top_k, self.params.top_p)
            chosen, _ = draw(kept, self.noise[self.rows, step])
            total = allowed.logsumexp(dim=-1)
        logprobs = allowed.gather(-1, chosen[:, None])[:, 0]
        return chosen, logprobs - torch.logaddexp(total.double(), left_out)

    def finite_clips(self, values: torch.Tensor) -> list[bool]:
        """Say of every clip whether the values of its rows that go on are finite."""
        broken = self.rows[~values.isfinite()].div(self.k, rounding_mode="floor").tolist()
        return [clip not in broken for clip in range(len(self.tokens) // self.k)]

    def write(self, chosen: torch.Tensor, logprobs: torch.Tensor, step: int) -> None:
        """Append tokens and their log-probabilities to the rows that go on."""
        going = ~self.ended[self.rows]
        self.tokens[self.rows, step] = chosen.where(going, self.rules.end)
        self.logprobs[self.rows] += logprobs.where(going, 0.0)
        self.lengths[self.rows] += going
        self.ended[self.rows] |= (chosen == self.rules.end) | (self.limits[self.rows] == step + 1)

    def drop_ended_rows(self) -> torch.Tensor | None:
        """Stop decoding rows that have ended, if they are many; return the numbers of the others.

        Numbers are among the rows decoded so far; without a word nothing changes.
        """
        going = (~self.ended[self.rows]).nonzero()[:, 0]
        if len(going) > (1 - ENDED) * len(self.rows):
            return None
        self.rows = self.rows[going]
        return going

    def result(self) -> list[list[Decoded]]:
        """Return the rows by clip."""
        tokens, lengths = self.tokens.tolist(), self.lengths.tolist()
        rows = [
            Decoded(row[:length], logprob, cut=row[length - 1] != self.rules.end)
            for row, length, logprob in zip(tokens, lengths, self.logprobs.tolist(), strict=True)
        ]
        return [rows[i : i + self.k] for i in range(0, len(rows), self.k)]
