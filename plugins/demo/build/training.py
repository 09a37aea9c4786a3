"""What the demo model learns from, and how one step of it goes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import digit_clips
import digits
import numpy as np
import torch
import voices
from augment import Features
from staging import stage
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperForConditionalGeneration, WhisperProcessor

FLITE_SHARE = 0.3
IGNORE = -100
BLANK = len(digits.WORDS)


@dataclass(frozen=True)
class Batch:
    """Clips ready for the model.

    Attributes:
        features: Log-mel features of shape (batch, mels, frames).
        tokens: Prompt, words and end, padded with the end token.
        targets: The next token at each place; `IGNORE` at the prompt and after the end.
        words: Digits of all clips, one after the other, for CTC.
        word_counts: Digits of each clip.
    """

    features: Tensor
    tokens: Tensor
    targets: Tensor
    words: Tensor
    word_counts: Tensor


def speak(count: int, seed: int) -> Iterator[tuple[str, voices.Samples]]:
    """Synthesise training speech; no sentence of the demo's corpora is in it.

    Args:
        count: Number of clips.
        seed: Decides sentences and voices.

    Yields:
        Text and samples. Clips that do not fit the window are left out.
    """
    rng = random.Random(seed)
    taken = {text for part in digit_clips.sentences().values() for text in part}
    for number, text in enumerate(digits.draw(count, rng, exclude=taken, repeat=True)):
        speech = voices.known(rng, flite=FLITE_SHARE).speak(text)
        samples = stage(speech, np.random.default_rng([seed, number]), None)
        if len(samples) < digit_clips.WINDOW_S * voices.RATE_HZ:
            yield text, samples


class Batches:
    """Endless shuffled batches of distorted clips."""

    def __init__(
        self, clips: list[tuple[str, voices.Samples]], processor: WhisperProcessor, size: int
    ) -> None:
        """Keep the clips; tokens are made once, features anew for every batch."""
        self.size = size
        self.samples = [samples for _, samples in clips]
        self.tokens = processor.tokenizer([text for text, _ in clips]).input_ids
        self.words = [[digits.WORDS.index(word) for word in text.split()] for text, _ in clips]
        self.features = Features(processor.feature_extractor)
        self.window = processor.feature_extractor.n_samples
        self.end = processor.tokenizer.eos_token_id

    def _collate(self, chosen: list[int]) -> Batch:
        waves = torch.zeros(len(chosen), self.window)
        for row, index in enumerate(chosen):
            samples = self.samples[index]
            waves[row, : len(samples)] = torch.from_numpy(samples.astype(np.float32) / 32_768)
        lengths = torch.tensor([len(self.samples[index]) for index in chosen])
        widest = max(len(self.tokens[index]) for index in chosen)
        tokens = torch.full((len(chosen), widest), self.end)
        targets = torch.full((len(chosen), widest), IGNORE)
        for row, index in enumerate(chosen):
            ids = torch.tensor(self.tokens[index])
            tokens[row, : len(ids)] = ids
            targets[row, 1 : len(ids) - 1] = ids[2:]  # The prompt is two tokens long.
        return Batch(
            features=self.features(waves, lengths, distort=True),
            tokens=tokens,
            targets=targets,
            words=torch.tensor([word for index in chosen for word in self.words[index]]),
            word_counts=torch.tensor([len(self.words[index]) for index in chosen]),
        )

    def __iter__(self) -> Iterator[Batch]:
        """Go through the clips in a new order each time, for ever."""
        while True:
            order = torch.randperm(len(self.samples)).tolist()
            for start in range(0, len(order) - self.size + 1, self.size):
                yield self._collate(order[start : start + self.size])


def losses(
    model: WhisperForConditionalGeneration, head: nn.Linear, batch: Batch
) -> tuple[Tensor, Tensor]:
    """Cross entropy of the decoder, and CTC of the encoder through a throw-away head.

    CTC teaches the encoder where the words are, without which the decoder needs far longer to
    find anything in it.
    """
    encoded = model.model.encoder(batch.features)
    logits = model(encoder_outputs=encoded, decoder_input_ids=batch.tokens, use_cache=False).logits
    entropy = functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    scores = head(encoded.last_hidden_state).log_softmax(-1).transpose(0, 1)
    positions = torch.full((len(batch.tokens),), len(scores))
    ctc = functional.ctc_loss(scores, batch.words, positions, batch.word_counts, blank=BLANK)
    return entropy, ctc
