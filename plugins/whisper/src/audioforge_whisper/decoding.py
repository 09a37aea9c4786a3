"""The decoding loop: k hypotheses per clip, greedy or drawn.

Transformers' `generate(num_return_sequences=k)` runs the encoder k times per clip and draws from
torch's global generator in the order of the batch. Here a clip is encoded once, its prompt is read
once, and its k hypotheses share its audio (see `shared_attention`); every row draws from numbers
keyed by (seed, cycle, sample id, hypothesis index), one for each step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from attrs import frozen
from transformers import DynamicCache, EncoderDecoderCache, WhisperForConditionalGeneration

from audioforge.huggingface.draw import truncate
from audioforge.inference.finite_numbers import check_outputs
from audioforge.keyed_random import uniforms
from audioforge.model import SamplingParams
from audioforge.sample import AudioSample
from audioforge_whisper.draw import draw


@frozen
class TokenRules:
    """What a checkpoint's generation configuration says about tokens.

    Attributes:
        end: The token that ends a transcript.
        never: Tokens that are never chosen.
        never_first: Tokens that are not chosen as the first of a transcript.
        max_new_tokens: Length limit of a transcript, end token included.
    """

    end: int
    never: tuple[int, ...]
    never_first: tuple[int, ...]
    max_new_tokens: int


@frozen
class Decoded:
    """One decoded row.

    Attributes:
        tokens: The chosen tokens, with the end token where it was reached.
        logprob: Natural log-probability under the model itself: at temperature 1, nothing left out.
    """

    tokens: list[int]
    logprob: float


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


@frozen(eq=False)
class EncodedClips:
    """A batch of clips, ready to be decoded.

    Attributes:
        samples: The samples, whose ids key the noise.
        encoded: The encoder's output, shape (clips, frames, width).
        prompts: Prompt tokens, shape (clips, prompt length).
    """

    samples: Sequence[AudioSample]
    encoded: torch.Tensor
    prompts: torch.Tensor


def decode(
    model: WhisperForConditionalGeneration,
    clips: EncodedClips,
    k: int,
    params: SamplingParams,
    rules: TokenRules,
) -> list[list[Decoded]]:
    """Decode k hypotheses for each clip; called without gradients.

    Args:
        model: A `WhisperForConditionalGeneration` with the attention of `shared_attention`.
        clips: What is decoded.
        k: Hypotheses per clip.
        params: How to draw; temperature 0 takes the most likely token.
        rules: What the checkpoint's tokens stand for, and which it never says.

    Raises:
        TrainingError: If the network's output is not a number, naming the clips.
    """
    loop = _Loop(model, clips.encoded, k, params, rules)
    if params.temperature > 0:
        ids = [sample.id for sample in clips.samples]
        loop.noise = keyed_noise(ids, k, rules.max_new_tokens, params).to(clips.encoded.device)
    logits = loop.read(clips.prompts)[:, -1].repeat_interleave(k, dim=0)
    loop.share_prompt()
    for step in range(rules.max_new_tokens):
        totals = logits.logsumexp(dim=-1)
        if not totals.isfinite().all():  # a draw would give a token that does not exist
            check_outputs(clips.samples, loop.finite_clips(totals))
        chosen = loop.choose(logits, step)
        logprobs = logits.gather(-1, chosen[:, None])[:, 0] - totals
        loop.write(chosen, logprobs, step)
        if step + 1 == rules.max_new_tokens or loop.drop_finished_clips():
            break
        logits = loop.read(loop.tokens[loop.rows, step][:, None])[:, -1]
    return loop.result()


class _Loop:
    """The state of one call of `decode`. A row is one hypothesis; rows of a clip are adjacent."""

    def __init__(
        self,
        model: WhisperForConditionalGeneration,
        encoded: torch.Tensor,
        k: int,
        params: SamplingParams,
        rules: TokenRules,
    ) -> None:
        self.model, self.k, self.params, self.rules = model, k, params, rules
        self.encoded = encoded
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        total, device = len(encoded) * k, encoded.device
        self.tokens = torch.full((total, rules.max_new_tokens), rules.end, device=device)
        self.logprobs = torch.zeros(total, dtype=torch.float64, device=device)
        self.lengths = torch.zeros(total, dtype=torch.long, device=device)
        self.finished = torch.zeros(total, dtype=torch.bool, device=device)
        self.rows = torch.arange(total, device=device)  # those still decoded
        self.noise: torch.Tensor | None = None
        self._never = torch.tensor(rules.never, dtype=torch.long, device=device)
        first = sorted({*rules.never, *rules.never_first})
        self._never_first = torch.tensor(first, dtype=torch.long, device=device)

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Feed tokens, shape (rows, length); return float32 logits after each."""
        hidden = self.model.model.decoder(
            input_ids=tokens,
            encoder_hidden_states=self.encoded,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        logits: torch.Tensor = self.model.proj_out(hidden[:, -1:])
        return logits.float()

    def share_prompt(self) -> None:
        """Give each of a clip's k rows the prompt's keys; those of the audio stay shared."""
        self.cache.self_attention_cache.batch_repeat_interleave(self.k)

    def choose(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        """Return the next token of each row."""
        banned = self._never_first if step == 0 else self._never
        allowed = logits.index_fill(-1, banned, -torch.inf) if len(banned) else logits
        if self.noise is None:
            return allowed.argmax(dim=-1)
        tempered = allowed if self.params.temperature == 1 else allowed / self.params.temperature
        kept = truncate(tempered, self.params.top_k, self.params.top_p)
        return draw(kept, self.noise[self.rows, step])

    def finite_clips(self, values: torch.Tensor) -> list[bool]:
        """Say of every clip whether the values of its rows that go on are finite."""
        broken = self.rows[~values.isfinite()].div(self.k, rounding_mode="floor").tolist()
        return [clip not in broken for clip in range(len(self.tokens) // self.k)]

    def write(self, chosen: torch.Tensor, logprobs: torch.Tensor, step: int) -> None:
        """Append tokens and their log-probabilities to the rows that go on."""
        going = ~self.finished[self.rows]
        self.tokens[self.rows, step] = chosen.where(going, self.rules.end)
        self.logprobs[self.rows] += logprobs.where(going, 0.0)
        self.lengths[self.rows] += going
        self.finished[self.rows] |= chosen == self.rules.end

    def drop_finished_clips(self) -> bool:
        """Stop decoding clips whose rows have all ended; say whether none is left.

        Copying the audio's keys costs about as much as a step, so it waits until half are done.
        """
        clip_done = self.finished[self.rows].view(-1, self.k).all(dim=-1)
        done = int(clip_done.sum())
        if done == len(clip_done):
            return True
        if 2 * done >= len(clip_done):
            keep = (~clip_done).nonzero()[:, 0]
            kept_rows = (keep[:, None] * self.k + torch.arange(self.k, device=keep.device)).view(-1)
            self.cache.self_attention_cache.batch_select_indices(kept_rows)
            self.cache.cross_attention_cache.batch_select_indices(keep)
            self.encoded = self.encoded[keep]
            self.rows = self.rows[kept_rows]
        return False

    def result(self) -> list[list[Decoded]]:
        """Return the rows by clip."""
        tokens, lengths = self.tokens.tolist(), self.lengths.tolist()
        rows = [
            Decoded(row[:length], logprob)
            for row, length, logprob in zip(tokens, lengths, self.logprobs.tolist(), strict=True)
        ]
        return [rows[i : i + self.k] for i in range(0, len(rows), self.k)]
