"""All that a training run needs, so small that one takes a second: for checking executors.

A clip is a tone of 0.1 s in noise, low, middle or high. The model is linear: the log energies of
three bands give the scores of the three labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from attrs import frozen
from safetensors.torch import load_file, save_file

from audioforge import keyed_random
from audioforge.dataset import Dataset, DatasetRequest
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams, Serves, Task, TrainOptions
from audioforge.plugins import Plugin
from audioforge.reward import RewardAggregator
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.specs import AggregatorSpec, DatasetSpec, ModelSpec, VerifierSpec
from audioforge.verifier import CorpusMetric, Verifier

RATE = 8000
FRAMES = 800
HERTZ = {"low": 400, "middle": 1000, "high": 2500}
LABELS = tuple(HERTZ)
CLIPS = {"tones-train": 18, "tones-heldout": 21}
"""Names of the datasets, and how large they are."""


def tone_plugin() -> Plugin:
    """Return the model, the datasets, the verifier and the aggregator as a plugin has them."""
    task: Task = "classification"
    plugin = Plugin("audioforge-kit", "", "")
    here, about = __name__, "of tones"
    serves = (Serves(task, "tones", ("ToneClassifier",)),)
    plugin.provides["models"] = [
        ModelSpec(name="tones", summary=about, serves=serves, factory=f"{here}:ToneClassifier")
    ]
    plugin.provides["datasets"] = [
        DatasetSpec(name=name, summary=about, tasks=(task,), factory=f"{here}:Tones")
        for name in CLIPS
    ]
    plugin.provides["verifiers"] = [
        VerifierSpec(name="label", summary=about, tasks=(task,), factory=f"{here}:RightLabel")
    ]
    plugin.provides["aggregators"] = [
        AggregatorSpec(name="mean", summary=about, factory=f"{here}:Mean")
    ]
    return plugin


@frozen(eq=False)
class Batch:
    """Clips, ready for the network.

    Attributes:
        ids: Ids of the samples, which key the noise.
        energies: Log energy of each clip in three bands, shape (clips, 3).
    """

    ids: tuple[str, ...]
    energies: torch.Tensor


class ToneClassifier(ModelAdapter):
    """Linear softmax over log energies; at first it often takes a tone for its neighbour."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    def __init__(self) -> None:
        """Create the adapter with the weights that it begins with."""
        self._module = torch.nn.Linear(3, 3)
        weights = [[0.30, 0.29, 0.20], [0.29, 0.30, 0.29], [0.20, 0.29, 0.30]]
        self._module.weight = torch.nn.Parameter(torch.tensor(weights))
        torch.nn.init.zeros_(self._module.bias)

    @classmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> ToneClassifier:
        """Load a folder that `save` wrote."""
        adapter = cls()
        adapter.module.load_state_dict(load_file(Path(checkpoint) / "model.safetensors"))
        return adapter

    @property
    def module(self) -> torch.nn.Module:
        """The network."""
        return self._module

    @property
    def sampling_rate(self) -> int:
        """The rate of the tones, in Hz."""
        return RATE

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes."""
        return LABELS

    def prepare(self, clips: Sequence[Clip]) -> Batch:
        """Return the log energy of each band of each clip."""
        power = np.abs(np.fft.rfft(np.stack([c.waveform[:FRAMES] for c in clips]), axis=1)) ** 2
        bins = [round(hertz * FRAMES / RATE) for hertz in HERTZ.values()]
        energies = np.stack([power[:, b - 2 : b + 3].sum(axis=1) for b in bins], axis=1)
        logs = torch.tensor(np.log10(energies + 1e-3), dtype=torch.float32)
        return Batch(tuple(clip.sample.id for clip in clips), logs)

    def sample(self, batch: Batch, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        """Draw k labels for each clip, with keyed noise."""
        logprobs = self.module(batch.energies).log_softmax(dim=1)
        return [
            [self._draw(row, (params.seed, params.cycle, i, n), n, params) for n in range(k)]
            for i, row in zip(batch.ids, logprobs, strict=True)
        ]

    def _draw(
        self, logprobs: torch.Tensor, key: tuple[str | int, ...], index: int, params: SamplingParams
    ) -> Hypothesis:
        scores = logprobs
        if params.temperature:
            noise = torch.tensor(keyed_random.uniforms(len(LABELS), *key))
            scores = logprobs / params.temperature - torch.log(-torch.log(noise))
        chosen = int(scores.argmax())
        return Hypothesis(index, label=LABELS[chosen], logprob=float(logprobs[chosen]), tokens=1)

    def loss(
        self, batch: Batch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Σ weight × negative log-likelihood of the label."""
        wanted = torch.tensor([LABELS.index(str(target.label)) for target in targets])
        each = torch.nn.functional.cross_entropy(
            self.module(batch.energies), wanted, reduction="none"
        )
        return (each * torch.tensor(weights)).sum()

    def make_trainable(self, options: TrainOptions) -> None:
        """Train everything."""

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors."""
        config = {"model_type": "tones", "architectures": ["ToneClassifier"]}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        save_file(self.module.state_dict(), folder / "model.safetensors")


class Tones(Dataset):
    """Tones, each with its label; the name of the dataset fixes which."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the name that was asked for."""
        self._name = request.location

    def load(self) -> Iterator[AudioSample]:
        """Yield the clips."""
        seconds = np.arange(FRAMES) / RATE
        for number in range(CLIPS[self._name]):
            draw = keyed_random.generator(self._name, number)
            label = LABELS[number % len(LABELS)]
            tone = 0.1 * np.sin(2 * np.pi * HERTZ[label] * seconds) + draw.normal(0, 0.02, FRAMES)
            name = f"{self._name}-{number:02d}"
            yield AudioSample(name, tone.astype(np.float32), RATE, labels=(label,))


class RightLabel(Verifier):
    """Reward 1 for the right label, 0 for another."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    metrics: ClassVar[tuple[str, ...]] = ("correct", "judged")
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric("accuracy", ("correct",), "judged", higher_is_better=True),
    )

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Compare labels."""
        correct = [float(h.label in s.labels) for s, h in zip(samples, hypotheses, strict=True)]
        return [Score(c, passed=c == 1, metrics={"correct": c, "judged": 1.0}) for c in correct]


class Mean(RewardAggregator):
    """The mean of what there is."""

    def aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        """Return the mean; None of nothing."""
        rewards = [score.reward for score in scores.values() if score.reward is not None]
        return sum(rewards) / len(rewards) if rewards else None
