"""Speaking: latents frame by frame, for all rows of a batch at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from attrs import define, field, frozen
from torch.nn.utils.rnn import pad_sequence

from audioforge import keyed_random
from audioforge.model import SamplingParams
from audioforge_pocket_tts.prompt import Prompt, voices_of

TOKENS_PER_SECOND = 3.0
SECONDS_BESIDE = 2.0
"""Transformers' own limit, the original's: a second for every three tokens of the text, and two."""

LETTERS_PER_SECOND = 14.0
"""English read aloud, 150 words a minute, to tell how long a text takes."""

SOME_MORE = 8
"""Frames beyond `max_tokens_per_second`: a short text has its silences too."""


@frozen
class Decoding:
    """How frames are drawn, as the checkpoint's `generation_config.json` says.

    Attributes:
        flow_steps: Euler steps of the flow from noise to a latent.
        eos_threshold: The logit of an end above which speech ends.
        min_frames: Frames of which none ends it.
    """

    flow_steps: int
    eos_threshold: float
    min_frames: int


@frozen(eq=False)
class Spoken:
    """What the model spoke for one row.

    Attributes:
        latents: The codec's latents, float32, shape (frames, dimensions).
        end: How many of them are before the end, which the frame behind them is drawn at; None
            where the limit ended it.
    """

    latents: torch.Tensor
    end: int | None


def frame_limit(config: Any, prompt: Prompt, text: str, params: SamplingParams) -> int:
    """Return after how many frames a text is cut.

    Args:
        config: The model's configuration.
        prompt: The text's prompt.
        text: The text.
        params: Limits of the run; a token of theirs is a frame, and a second of a clip one of
            speech, at 14 letters a second.
    """
    seconds = prompt.text_tokens / TOKENS_PER_SECOND + SECONDS_BESIDE
    room = config.max_position_embeddings - len(prompt.positions)
    limits: list[int] = [math.ceil(seconds * config.frame_rate), room]
    if params.max_new_tokens is not None:
        limits.append(params.max_new_tokens)
    if params.max_tokens_per_second is not None:
        said = len(text) / LETTERS_PER_SECOND * params.max_tokens_per_second
        limits.append(int(said) + SOME_MORE)
    return min(limits)


def keyed_noise(
    sample_id: str, index: int, params: SamplingParams, frames: int, size: int
) -> np.ndarray:
    """Return the noise that a hypothesis is made of; a longer one starts with the shorter one.

    Its variance is the temperature, as in Transformers: at 0 there is none.

    Args:
        sample_id: The sample's.
        index: The hypothesis'.
        params: Temperature, seed and cycle.
        frames: How many frames.
        size: Dimensions of a latent.

    Returns:
        float32, shape (frames, size).
    """
    if params.temperature == 0:
        return np.zeros((frames, size), np.float32)
    draw = keyed_random.generator("pocket-tts", params.seed, params.cycle, sample_id, index)
    noise = draw.standard_normal((frames, size), np.float32)
    scaled: np.ndarray = noise * np.float32(math.sqrt(params.temperature))
    return scaled


@define(eq=False)
class _Rows:
    """The rows that still speak.

    Attributes:
        numbers: Which of all rows each is.
        hidden: What each row's next frame is drawn from, shape (rows, width).
        mask: 1 for positions and 0 for padding, shape (rows, positions), with room for all frames.
        cache: Keys and values of the positions before.
    """

    numbers: list[int]
    hidden: torch.Tensor
    mask: torch.Tensor
    cache: Any

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the rows in some places."""
        chosen = torch.tensor(places, device=self.hidden.device)
        self.numbers = [self.numbers[place] for place in places]
        self.hidden, self.mask = self.hidden[chosen], self.mask[chosen]
        self.cache.batch_select_indices(chosen)


@define(eq=False)
class _Ends:
    """Where rows end, as `PocketTTSEosThresholdCriteria` of Transformers has it.

    Attributes:
        decoding: How frames are drawn.
        limits: After how many frames each row is cut.
        tails: How many frames each row speaks after the one at which its end is heard.
        heard: The frame at which the end of a row was heard.
        counts: How many frames a row has that speaks no more.
    """

    decoding: Decoding
    limits: Sequence[int]
    tails: Sequence[int]
    heard: dict[int, int] = field(factory=dict)
    counts: dict[int, int] = field(factory=dict)

    def listen(self, row: int, frame: int, *, over: bool) -> None:
        """Take note of a frame of a row, and whether the model says with it that it is over."""
        if row in self.counts:
            return
        if over and frame >= self.decoding.min_frames:
            self.heard.setdefault(row, frame)
        last = self.limits[row]
        if row in self.heard:
            last = min(last, self.heard[row] + self.tails[row] + 1)
        if frame + 1 >= last:
            self.counts[row] = frame + 1


def speak(
    model: Any,
    prompts: Sequence[Prompt],
    noise: Sequence[Sequence[np.ndarray]],
    decoding: Decoding,
) -> list[Spoken]:
    """Return what the model speaks for each prompt, k times, prompt after prompt.

    A prompt is read once for its k rows. Rows that have ended are computed along until half of
    them have, and then are left out.

    Args:
        model: A `PocketTTSForConditionalGeneration`.
        prompts: What is to be spoken.
        noise: For each prompt the noise of its k rows, shape (frames, dimensions); a row is cut
            where its noise ends.
        decoding: How frames are drawn.
    """
    device = model.device
    given = [torch.from_numpy(row) for own in noise for row in own]
    tails = [prompt.tail for prompt, own in zip(prompts, noise, strict=True) for _ in own]
    ends = _Ends(decoding, [len(row) for row in given], tails)
    drawn_from = pad_sequence(given, batch_first=True).to(device)
    written = torch.zeros_like(drawn_from)
    rows = _read(model, prompts, len(noise[0]), drawn_from.shape[1])
    for frame in range(drawn_from.shape[1]):
        own = drawn_from[rows.numbers, frame]
        latents = model.sample_latent(rows.hidden, own, decoding.flow_steps)
        written[rows.numbers, frame] = latents.to(written.dtype)
        logits = model.eos_head(rows.hidden)[:, 0].float()
        for row, over in zip(rows.numbers, (logits > decoding.eos_threshold).tolist(), strict=True):
            ends.listen(row, frame, over=over)
        left = [place for place, row in enumerate(rows.numbers) if row not in ends.counts]
        if not left:
            break
        if 2 * len(left) <= len(rows.numbers):
            latents = latents[left]
            rows.keep(left)
        _go_on(model, rows, latents)
    whole = model.denormalize_latents(written).float()
    return [
        Spoken(whole[row, : ends.counts[row]], ends.heard.get(row)) for row in range(len(given))
    ]


def _read(model: Any, prompts: Sequence[Prompt], k: int, frames: int) -> _Rows:
    """Read the prompts, padded on the left, and make k rows of each."""
    device = model.device
    longest = max(len(prompt.positions) for prompt in prompts)
    tokens = torch.full((len(prompts), longest), model.config.pad_token_id)
    mask = torch.ones(len(prompts), longest + frames, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        padding = longest - len(prompt.positions)
        tokens[row, padding:] = prompt.positions
        mask[row, :padding] = 0
    mask = mask.to(device)
    output = model.model(
        input_ids=tokens.to(device),
        audio_prompt_latents=voices_of(prompts, device),
        attention_mask=mask[:, :longest],
        position_ids=(mask[:, :longest].cumsum(dim=1) - 1).clamp(min=0),
        use_cache=True,
    )
    output.past_key_values.batch_repeat_interleave(k)
    return _Rows(
        list(range(len(prompts) * k)),
        output.last_hidden_state[:, -1].repeat_interleave(k, dim=0),
        mask.repeat_interleave(k, dim=0),
        output.past_key_values,
    )


def _go_on(model: Any, rows: _Rows, latents: torch.Tensor) -> None:
    """Put a frame behind each row, and read it."""
    mask = rows.mask[:, : rows.cache.get_seq_length() + 1]
    output = model.model(
        input_ids=torch.full(
            (len(latents), 1), model.config.audio_latent_token_id, device=latents.device
        ),
        audio_latents=latents[:, None],
        attention_mask=mask,
        position_ids=mask.sum(dim=1, keepdim=True) - 1,
        past_key_values=rows.cache,
        use_cache=True,
    )
    rows.hidden, rows.cache = output.last_hidden_state[:, -1], output.past_key_values
