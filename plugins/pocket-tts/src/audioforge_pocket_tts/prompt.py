"""What the model is asked to say: a voice and a text as one stream of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from attrs import frozen

from audioforge.errors import AudioError
from audioforge.sample import AudioSample


@frozen(eq=False)
class Prompt:
    """A text with the voice to speak it.

    Attributes:
        positions: Token ids, shape (positions,): a placeholder for each frame of the voice, the
            text, and last the position that the first frame of speech is drawn from.
        voice: The codec's latents of the voice, float32, shape (frames, dimensions).
        text_tokens: How many positions are text.
        tail: How many frames are spoken after the one at which the model hears the end.
    """

    positions: torch.Tensor
    voice: torch.Tensor
    text_tokens: int
    tail: int


def make_prompt(processor: Any, config: Any, sample: AudioSample, voice: np.ndarray) -> Prompt:
    """Write the prompt of one sample, by the checkpoint's own template and tokenizer.

    Args:
        processor: A `PocketTTSProcessor`.
        config: The model's configuration.
        sample: Its reference is the text.
        voice: Latents of the voice, float32, shape (frames, dimensions).

    Raises:
        AudioError: If there is no text, or one that cannot be spoken.
    """
    text = (sample.reference or "").strip()
    if not text:
        raise AudioError(f"{sample.place}: there is no text to speak. Leave it out.")
    if marks := [token for token in processor.placeholder_tokens if token in text]:
        raise AudioError(
            f"{sample.place}: its text holds {', '.join(marks)}, which the model takes for sound. "
            f"Take it out of the text."
        )
    content = [{"type": "audio"}, {"type": "text", "text": text}]
    conversation = [{"role": "user", "content": content}]
    rendered = processor.apply_chat_template(
        conversation, tokenize=False, add_generation_prompt=True
    )
    frames = torch.from_numpy(voice)
    inputs = processor(text=[rendered], audio_prompt_latents=[frames], return_tensors="pt")
    positions = inputs["input_ids"][0]
    if len(positions) >= config.max_position_embeddings:
        raise AudioError(
            f"{sample.place}: with its voice the text takes {len(positions)} positions, and the "
            f"model has {config.max_position_embeddings}. Cut it into sentences, or take a shorter "
            f"voice."
        )
    sound = {
        config.audio_prompt_bos_token_id,
        config.audio_prompt_token_id,
        config.audio_bos_token_id,
        config.audio_latent_token_id,
    }
    text_tokens = sum(token not in sound for token in positions.tolist())
    return Prompt(positions, frames, text_tokens, int(inputs["frames_after_eos"][0]))


def voices_of(prompts: Sequence[Prompt], device: torch.device) -> torch.Tensor:
    """Return the frames of all voices behind each other, shape (1, frames, dimensions).

    The model puts them into the placeholders of a batch, row after row.
    """
    return torch.cat([prompt.voice for prompt in prompts])[None].to(device)
