"""Speaking: spectrograms frame by frame, for all rows of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from attrs import frozen

from audioforge.model import SamplingParams
from audioforge_speecht5.postnet import postnet_output
from audioforge_speecht5.prenet import Masks, prenet_output

STOP = 0.5
"""A row ends where the probabilities of an end, summed over the frames of a step, reach this, as in
Transformers."""

FRAMES_PER_TOKEN = 20
"""Transformers' own limit: so many frames for each token of the text; 0.32 s a letter at 16 ms."""

FEWEST_FRAMES_PER_TOKEN = 1
"""Nobody speaks 60 letters a second: an end before that is none."""

LETTERS_PER_SECOND = 14.0
"""English read aloud, 150 words a minute, to tell how long a text takes."""

SOME_MORE = 8
"""Steps beyond `max_tokens_per_second`: a short text has its silences too."""


@frozen(eq=False)
class Texts:
    """What is to be spoken, a row for each hypothesis or target.

    Attributes:
        encoded: The encoder's output, shape (rows, tokens, width).
        mask: 1 for tokens and 0 for padding, shape (rows, tokens).
        voices: x-vectors, shape (rows, dimensions).
    """

    encoded: torch.Tensor
    mask: torch.Tensor
    voices: torch.Tensor

    def rows(self, chosen: torch.Tensor | list[int]) -> Texts:
        """Return some of the rows; one may be there several times."""
        return Texts(self.encoded[chosen], self.mask[chosen], self.voices[chosen])


@frozen(eq=False)
class Rows:
    """Texts with the limits of each.

    Attributes:
        texts: What is to be spoken.
        fewest: Steps before which no row ends.
        most: Steps after which each row is cut.
    """

    texts: Texts
    fewest: Sequence[int]
    most: Sequence[int]


@frozen(eq=False)
class Spoken:
    """What the model wrote for one row.

    Attributes:
        frames: Log-mel spectrogram, shape (frames, bands).
        cut: Whether the limit ended it.
    """

    frames: torch.Tensor
    cut: bool


def step_limits(
    config: Any, texts: Sequence[str], tokens: Sequence[int], params: SamplingParams
) -> tuple[list[int], list[int]]:
    """Return the fewest and the most steps of each text, of `reduction_factor` frames each.

    Args:
        config: The model's configuration.
        texts: The texts.
        tokens: How many tokens each has.
        params: Limits of the run; a token of theirs is a step, and a second of a clip one of
            speech, at 14 letters a second.
    """
    factor, longest = config.reduction_factor, config.max_speech_positions
    fewest, most = [], []
    for text, count in zip(texts, tokens, strict=True):
        limits = [max(1, count * FRAMES_PER_TOKEN // factor), longest]
        if params.max_new_tokens is not None:
            limits.append(params.max_new_tokens)
        if params.max_tokens_per_second is not None:
            seconds = len(text) / LETTERS_PER_SECOND
            limits.append(int(seconds * params.max_tokens_per_second) + SOME_MORE)
        most.append(min(limits))
        fewest.append(min(max(1, count * FEWEST_FRAMES_PER_TOKEN // factor), most[-1]))
    return fewest, most


def speak(model: Any, rows: Rows, masks: Masks) -> list[Spoken]:
    """Return what the model writes for each row.

    Rows that have ended are computed along until half of them have, and then are left out.

    Args:
        model: A `SpeechT5ForTextToSpeech`.
        rows: What is to be spoken.
        masks: The dropout of its prenet.
    """
    config, postnet = model.config, model.speech_decoder_postnet
    shape = (len(rows.most), max(rows.most), config.reduction_factor, config.num_mel_bins)
    written = rows.texts.encoded.new_zeros(shape)
    ends: dict[int, tuple[int, bool]] = {}
    there, here, cache = list(range(len(rows.most))), rows.texts, None
    last = written[:, 0, -1:]
    for step in range(max(rows.most)):
        prenet = model.speecht5.decoder.prenet
        output = model.speecht5.decoder.wrapped_decoder(
            hidden_states=prenet_output(prenet, last, here.voices, masks.next(), step),
            encoder_hidden_states=here.encoded,
            encoder_attention_mask=here.mask,
            past_key_values=cache,
            use_cache=True,
        )
        hidden, cache = output.last_hidden_state[:, 0], output.past_key_values
        frames = postnet.feat_out(hidden).view(len(there), *shape[2:]).to(written.dtype)
        written[there, step] = frames
        stops = (postnet.prob_out(hidden).float().sigmoid().sum(dim=-1) >= STOP).tolist()
        for row, stop in zip(there, stops, strict=True):
            ended = stop and step + 1 >= rows.fewest[row]
            if row not in ends and (ended or step + 1 >= rows.most[row]):
                ends[row] = (step + 1, not ended)
        if len(ends) == len(rows.most):
            break
        last = frames[:, -1:]
        left = [place for place, row in enumerate(there) if row not in ends]
        if 2 * len(left) <= len(there):
            chosen = torch.tensor(left, device=last.device)
            there, last, here = [there[place] for place in left], last[chosen], here.rows(chosen)
            cache.batch_select_indices(chosen)
            masks.keep(chosen)
    return _refined(postnet, written.flatten(1, 2), [ends[row] for row in range(len(ends))], shape)


def _refined(
    postnet: Any, written: torch.Tensor, ends: list[tuple[int, bool]], shape: tuple[int, ...]
) -> list[Spoken]:
    """Put the postnet behind what the decoder wrote."""
    counts = [steps * shape[2] for steps, _ in ends]
    refined = postnet_output(postnet, written[:, : max(counts)], counts).float()
    return [
        Spoken(row[:count], cut) for row, count, (_, cut) in zip(refined, counts, ends, strict=True)
    ]
