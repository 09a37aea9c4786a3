"""The recogniser: linear on the energies of three bands, with what makes resuming hard.

Batch normalisation has buffers that every step moves, and dropout draws random numbers.
"""

import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from audioforge import keyed_random
from audioforge.model import Likelihoods, ModelAdapter, Reuse
from audioforge.sample import Hypothesis

RATE = 8000
FRAMES = 800
HERTZ = {"low": 400, "middle": 1000, "high": 2500}
WORDS = tuple(HERTZ)
PAUSE = "TONE_WORDS_PAUSE"
"""Environment variable: seconds that each batch takes, so that a signal can meet it."""


def speak(words, noise):
    """Return a tone of 0.1 s for each word, in the noise of a generator."""
    seconds = np.arange(FRAMES) / RATE
    tones = [0.1 * np.sin(2 * np.pi * HERTZ[word] * seconds) for word in words]
    return np.concatenate(tones) + noise.normal(0, 0.02, FRAMES * len(words))


def network():
    """Return the network, with weights that often mistake a tone for its neighbour."""
    weights = torch.tensor([[0.30, 0.29, 0.20], [0.29, 0.30, 0.29], [0.20, 0.29, 0.30]])
    module = torch.nn.Sequential(
        torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.3), torch.nn.Linear(3, 3)
    )
    torch.nn.init.zeros_(module[2].bias)
    module[2].weight = torch.nn.Parameter(weights)
    return module


class ToneWords(ModelAdapter):
    """Scores each tone as one of three words."""

    tasks = ("asr",)
    max_seconds = 2.0

    def __init__(self):
        self._module = network()

    @classmethod
    def load(cls, checkpoint, options):
        adapter = cls()
        adapter.module.load_state_dict(load_file(Path(checkpoint) / "model.safetensors"))
        return adapter

    @property
    def module(self):
        return self._module

    @property
    def sampling_rate(self):
        return RATE

    def prepare(self, clips):
        return self.assemble([c.sample for c in clips], [self.reusable(c) for c in clips])

    def reuse(self):
        return Reuse({"bands": list(HERTZ.values())})

    def reusable(self, clip):
        return {"energies": self._energies(clip.waveform)}

    def assemble(self, samples, rows):
        time.sleep(float(os.environ.get(PAUSE, "0")))
        return [(s.id, row["energies"]) for s, row in zip(samples, rows, strict=True)]

    @staticmethod
    def _energies(waveform):
        tones = waveform[: len(waveform) // FRAMES * FRAMES].reshape(-1, FRAMES)
        power = np.abs(np.fft.rfft(tones, axis=1)) ** 2
        bins = [round(h * FRAMES / RATE) for h in HERTZ.values()]
        energy = np.stack([power[:, b - 2 : b + 3].sum(axis=1) for b in bins], axis=1)
        return torch.tensor(np.log10(energy + 1e-3), dtype=torch.float32)

    def sample(self, batch, k, params):
        return [[self._draw(item, index, params) for index in range(k)] for item in batch]

    def _draw(self, item, index, params):
        identity, energies = item
        logits = scores = self.module(energies)
        if params.temperature:
            key = (params.seed, params.cycle, identity, index)
            noise = keyed_random.uniforms(logits.numel(), *key).reshape(logits.shape)
            scores = logits / params.temperature - torch.log(-torch.log(torch.tensor(noise)))
        chosen = scores.argmax(dim=1)
        logprobs = logits.log_softmax(dim=1)[torch.arange(len(chosen)), chosen]
        text = " ".join(WORDS[i] for i in chosen)
        return Hypothesis(index, text=text, logprob=float(logprobs.sum()), tokens=len(chosen))

    def loss(self, batch, targets, weights):
        total = torch.zeros(())
        for (_, energies), target, weight in zip(batch, targets, weights, strict=True):
            words = torch.tensor([WORDS.index(word) for word in target.text.split()])
            scores = self.module(energies)
            total = total + weight * torch.nn.functional.cross_entropy(scores, words)
        return total

    def make_trainable(self, options):
        pass

    def save(self, folder):
        save_file(self.module.state_dict(), Path(folder) / "model.safetensors")
        config = {"model_type": "tone-words", "architectures": ["ToneWords"]}
        Path(folder, "config.json").write_text(json.dumps(config))


class TellingToneWords(ToneWords):
    """Tells how likely texts are, too, so that a selection can have a loss of its own."""

    def logprobs(self, batch, targets):
        sums, tokens = [], []
        for (_, energies), texts in zip(batch, targets, strict=True):
            scores = self.module(energies).log_softmax(dim=1)
            for target in texts:
                words = [WORDS.index(word) for word in target.text.split()]
                sums.append(scores[torch.arange(len(words)), words].sum())
                tokens.append(float(len(words)))
        return Likelihoods(torch.stack(sums), torch.tensor(tokens))
