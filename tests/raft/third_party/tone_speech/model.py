"""The synthesiser: the pitch of each word is a Gaussian, of which the mean is learnt."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from audioforge import keyed_random
from audioforge.errors import CheckpointError
from audioforge.model import ModelAdapter
from audioforge.sample import Hypothesis

from .tones import RATE, WORDS, hear, speak

SPREAD = 0.15
"""Standard deviation of a tone's pitch, in octaves."""


def _pitches(target: Hypothesis) -> torch.Tensor:
    """Return what was drawn; of a recording, what is heard in it."""
    drawn = target.features if target.features is not None else hear(target.audio)
    return torch.tensor(drawn, dtype=torch.float32)


class ToneSpeech(ModelAdapter):
    """One number for each word: its mean pitch, in octaves above 100 Hz."""

    tasks = ("tts",)

    def __init__(self, octaves: torch.Tensor) -> None:
        self._module = torch.nn.Module()
        self._module.octaves = torch.nn.Parameter(octaves)

    @classmethod
    def load(cls, checkpoint, options):
        try:
            return cls(load_file(Path(checkpoint) / "model.safetensors")["octaves"])
        except OSError as error:
            raise CheckpointError(f"{checkpoint}: {error}") from error

    @property
    def module(self):
        return self._module

    @property
    def sampling_rate(self):
        return RATE

    def clip_problem(self, clip):
        words = (clip.sample.reference or "").split()
        unknown = [word for word in words if word not in WORDS]
        return f"it cannot say {unknown[0]}" if unknown else None if words else "it has no text"

    def prepare(self, clips):
        return [
            (clip.sample.id, [WORDS.index(word) for word in clip.sample.reference.split()])
            for clip in clips
        ]

    def sample(self, batch, k, params):
        params.check(k)
        return [[self._draw(item, index, params) for index in range(k)] for item in batch]

    def _draw(self, item, index, params):
        identity, words = item
        means = self.module.octaves[words].numpy()
        draw = keyed_random.generator(params.seed, params.cycle, identity, index)
        pitches = means + params.temperature * SPREAD * draw.standard_normal(len(words))
        logprob = float(self._log_density(words, torch.tensor(pitches)).sum())
        return Hypothesis(
            index,
            audio=speak(pitches),
            sampling_rate=RATE,
            features=pitches.astype(np.float32),
            logprob=logprob,
            tokens=len(words),
        )

    def _log_density(self, words, pitches):
        density = torch.distributions.Normal(
            self.module.octaves[words], SPREAD, validate_args=False
        )
        return density.log_prob(pitches)

    def loss(self, batch, targets, weights):
        total = torch.zeros(())
        for (_, words), target, weight in zip(batch, targets, weights, strict=True):
            assert isinstance(target.audio, np.ndarray), "the engine reads files"
            assert target.sampling_rate == RATE
            pitches = _pitches(target)
            total = total - weight * self._log_density(words, pitches).mean()
        return total

    def target_problem(self, sample, target):
        heard = len(hear(target.audio)) if isinstance(target.audio, np.ndarray) else None
        words = len(sample.reference.split())
        return None if heard in (None, words) else f"{heard} tones for {words} words"

    def make_trainable(self, options):
        pass

    def save(self, folder):
        save_file(self.module.state_dict(), Path(folder) / "model.safetensors")
        config = {"model_type": "tone-speech", "architectures": ["ToneSpeech"]}
        Path(folder, "config.json").write_text(json.dumps(config))
