"""The verifier `distillmos`: quality of speech as a distilled network predicts it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from attrs import frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.generated_audio import Unheard, hear, is_silent
from audioforge_verifiers.opinion_score import opinion_reward, opinion_threshold

if TYPE_CHECKING:
    import torch

SAMPLING_RATE = 16_000
WINDOW = 122_880
LONGEST_STEP = SAMPLING_RATE
"""Samples that the network hears at once, 7.68 s, and at most from one window to the next."""

WINDOWS_AT_ONCE = 4
"""Windows in one forward pass, which take about 0.1 GB each."""


@frozen
class DistillmosOptions:
    """Options of `distillmos`.

    Attributes:
        threshold: Opinion score from 1 to 5 from which audio passes.
    """

    threshold: float = opinion_threshold(3.0)


class Distillmos(Verifier):
    """Reward (MOS − 1) / 4, of a mean opinion score from 1 (bad) to 5 (excellent).

    The network is Distill-MOS (Stahl and Gamper, "Distillation and Pruning for Scalable
    Self-Supervised Representation-Based Speech Quality Assessment", ICASSP 2025), whose weights
    the package distillmos ships. It hears windows of 7.68 s, the same distance of at most 1 s
    apart, of which the mean counts; a shorter clip is padded with silence. Level does not count:
    each window is scaled to its peak. Silence has reward 0 and no metric: what the network says of
    it means nothing.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    needs_reference = False
    metrics = ("mos",)

    def __init__(self, threshold: float = 3.0) -> None:
        """Create the verifier; see `DistillmosOptions`."""
        self._threshold = threshold
        self._network: torch.nn.Module | None = None
        self._device = "cpu"

    def setup(self, context: VerifierContext) -> None:
        """Load the network.

        Raises:
            PluginError: If the package distillmos, or torchaudio, cannot be imported.
            CheckpointError: If the weights in the package are damaged.
        """
        self._network = _load().to(context.device).eval()
        self._device = context.device

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; the samples play no part."""
        if self._network is None:
            raise RuntimeError("setup comes before verify")
        return [
            self._score(self._network, sample, hypothesis)
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def close(self) -> None:
        """Let the network go."""
        self._network = None

    def _score(
        self, network: torch.nn.Module, sample: AudioSample, hypothesis: Hypothesis
    ) -> Score:
        clip = hear(sample, hypothesis, SAMPLING_RATE)
        if isinstance(clip, Unheard):
            return clip.score
        if is_silent(clip):
            return Score(0.0, passed=False)
        mos = self._opinion(network, clip.waveform)
        return Score(opinion_reward(mos), mos >= self._threshold, {"mos": mos})

    def _opinion(self, network: torch.nn.Module, waveform: np.ndarray) -> float:
        """Return the opinion of one clip; clips are never batched, so that none changes another."""
        import torch

        spare = max(0, len(waveform) - WINDOW)
        padded = np.pad(waveform, (0, max(0, WINDOW - len(waveform))))
        places = np.linspace(0, 1, math.ceil(spare / LONGEST_STEP) + 1)
        starts = [int(place * spare) for place in places]
        opinions: list[float] = []
        kind = torch.device(self._device).type
        with torch.inference_mode(), torch.autocast(kind, enabled=False):
            for first in range(0, len(starts), WINDOWS_AT_ONCE):
                some = starts[first : first + WINDOWS_AT_ONCE]
                windows = np.stack([padded[start : start + WINDOW] for start in some])
                heard = network(torch.from_numpy(windows).to(self._device))
                opinions += heard.flatten().tolist()
        return float(np.mean(opinions))


def _load() -> torch.nn.Module:
    """Build the network, and read the weights that the package ships beside its code."""
    from audioforge.torch_companions import hide_broken_companions
    from audioforge_verifiers.network_weights import load_weights
    from audioforge_verifiers.not_importable import not_importable

    broken = hide_broken_companions()
    try:
        import torch
        from distillmos import ConvTransformerSQAModel, sqa
    except Exception as error:  # whatever torchaudio raises that does not fit
        raise not_importable(
            "distillmos", "distillmos", "distillmos", error, broken.get("torchaudio")
        ) from error
    with torch.random.fork_rng(devices=()):  # first weights are drawn, though not used
        network: torch.nn.Module = ConvTransformerSQAModel(
            load_weights=False,  # it would write to stdout where they are
            segmenting_in_forward=False,  # all windows of ten minutes at once need 20 GB
        )
    load_weights(
        network,
        Path(sqa.DEFAULT_WEIGHTS_CHKPT),
        "Distill-MOS",
        "Install the package again: pip install --force-reinstall --no-deps distillmos.",
        _state,
    )
    return network


def _state(loaded: Any) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = loaded["model"]
    return state
