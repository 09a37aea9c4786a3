"""A small real model, as a third party might write it, and clips that it can learn.

A clip is a row of tones of 0.1 s, each of which stands for a word. The model is linear: the log
energies of three bands give the scores of the three words, tone by tone.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from audioforge import keyed_random
from audioforge.config import AudioRAFTConfig
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.skip_log import SkipLog
from audioforge.inference.stop import StopRequest
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.model import ModelAdapter
from audioforge.run.data.run_data import RunData
from audioforge.run.events import Events
from audioforge.run.folder import RunFolder
from audioforge.run.run import Run
from audioforge.run.run_files import RunFiles
from audioforge.run.terminal import Terminal
from audioforge.sample import AudioSample, Hypothesis
from audioforge.selection import Kept

RATE = 8000
FRAMES = 800
HERTZ = {"low": 400, "middle": 1000, "high": 2500}
WORDS = tuple(HERTZ)


class ToneModel(ModelAdapter):
    """Linear softmax over band energies."""

    tasks = ("asr",)
    max_seconds = 2.0
    min_seconds = 0.05

    def __init__(self, weights: dict[str, torch.Tensor] | None = None) -> None:
        self._module = torch.nn.Linear(3, 3)
        torch.nn.init.zeros_(self._module.bias)
        with torch.no_grad():
            self._module.weight.copy_(0.3 * torch.eye(3))
        if weights is not None:
            self._module.load_state_dict(weights)

    @classmethod
    def load(cls, checkpoint, options=None):
        return cls(load_file(Path(checkpoint) / "model.safetensors"))

    @property
    def module(self):
        return self._module

    @property
    def sampling_rate(self):
        return RATE

    def prepare(self, clips):
        return [(clip.sample.id, self._features(clip.waveform)) for clip in clips]

    @staticmethod
    def _features(waveform):
        tones = waveform[: len(waveform) // FRAMES * FRAMES].reshape(-1, FRAMES)
        power = np.abs(np.fft.rfft(tones, axis=1)) ** 2
        bins = [round(h * FRAMES / RATE) for h in HERTZ.values()]
        energy = np.stack([power[:, b - 2 : b + 3].sum(axis=1) for b in bins], axis=1)
        return torch.tensor(np.log10(energy + 1e-3), dtype=torch.float32)

    def sample(self, batch, k, params):
        return [[self._draw(item, index, params) for index in range(k)] for item in batch]

    def _draw(self, item, index, params):
        identity, features = item
        logits = self.module(features)
        if params.temperature:
            key = (params.seed, params.cycle, identity, index)
            noise = keyed_random.uniforms(logits.numel(), *key).reshape(logits.shape)
            scores = logits / params.temperature - torch.log(-torch.log(torch.tensor(noise)))
        else:
            scores = logits
        chosen = scores.argmax(dim=1)
        logprobs = logits.log_softmax(dim=1)[torch.arange(len(chosen)), chosen]
        text = " ".join(WORDS[i] for i in chosen)
        return Hypothesis(index, text=text, logprob=float(logprobs.sum()), tokens=len(chosen))

    def loss(self, batch, targets, weights):
        total = torch.zeros(())
        for (_, features), target, weight in zip(batch, targets, weights, strict=True):
            words = torch.tensor([WORDS.index(w) for w in target.text.split()])
            total = total + weight * torch.nn.functional.cross_entropy(self.module(features), words)
        return total

    def make_trainable(self, options):
        pass

    def save(self, folder):
        save_file(self.module.state_dict(), Path(folder) / "model.safetensors")
        Path(folder, "config.json").write_text(json.dumps({"model_type": "tones"}))


def spoken(identity: str, words: list[str], speaker: str | None = None) -> AudioSample:
    """A clip of these words, in faint noise that its id fixes."""
    time = np.arange(FRAMES) / RATE
    tones = [0.1 * np.sin(2 * np.pi * HERTZ[word] * time) for word in words]
    noise = keyed_random.generator("noise", identity).normal(0, 0.01, FRAMES * len(words))
    return AudioSample(
        identity, np.concatenate(tones) + noise, RATE, " ".join(words), speaker=speaker
    )


def clips(count: int, length: int = 4) -> list[AudioSample]:
    samples = []
    for i in range(count):
        draw = keyed_random.generator("words", i)
        words = [WORDS[n] for n in draw.integers(3, size=length)]
        samples.append(spoken(f"clip-{i:03d}", words, speaker=f"speaker-{i % 4}"))
    return samples


@pytest.fixture
def tone_model() -> type[ToneModel]:
    return ToneModel


@pytest.fixture(scope="session")
def tone_clips() -> Callable[[int], list[AudioSample]]:
    """`tone_clips(n)` gives n clips of four words by four speakers."""
    return clips


@pytest.fixture(scope="session")
def references() -> Callable[[list[AudioSample]], list[Kept]]:
    """What to learn: each clip's own reference."""
    return lambda samples: [Kept(s, Hypothesis(text=s.reference)) for s in samples]


@pytest.fixture(scope="session")
def config() -> Callable[..., AudioRAFTConfig]:
    """Settings with a rate that the tone model learns at."""

    def _config(**settings) -> AudioRAFTConfig:
        return AudioRAFTConfig(**{"learning_rate": 0.05, "weight_decay": 0.0, **settings})

    return _config


@pytest.fixture
def engine(reporter, config, tmp_path):
    """`engine(samples, …settings)` is a run on these, but for verifiers and plugins."""

    def _engine(samples, executor=None, **settings) -> Run:
        if executor is None:
            executor = ProcessesExecutor()
            executor.join("cpu", "float32")
        folder = RunFolder(tmp_path)
        folder.state.mkdir(exist_ok=True)
        files = [RunFiles(folder)] if executor.processes.is_main else []
        return Run(
            config=config(**settings),
            registry=None,
            folder=folder,
            resumes=False,
            executor=executor,
            events=Events(reporter, [*files, Terminal(reporter)]),
            stop=StopRequest(),
            data=RunData(EvaluationSet("tones", samples, SkipLog("fail")), None, [], None),
            verification=None,
            evaluator=None,
            selection=None,
        )

    return _engine
