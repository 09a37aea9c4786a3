"""The verifier `quality`: five measurements of the signal, each on a scale of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
from attrs import frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.generated_audio import Unheard, hear, is_silent
from audioforge_verifiers.signal_metrics import SAMPLING_RATE, SignalMetrics, measure, share_at_peak

LOWEST_SNR_DB, HIGHEST_SNR_DB = -5.0, 45.0
CLIPPED_SHARE_AT_1_E = 0.05
CLIPPED_SHARE_AT_0 = 0.2
"""Where so many samples stand at the limit, the sound is cut off, of whatever quality it was."""
FULL_CREST_DB = 18.0
WEIGHTS = {"snr": 0.35, "bandwidth": 0.20, "clipping": 0.20, "silence": 0.15, "dynamics": 0.10}


@frozen
class QualityOptions:
    """Options of `quality`.

    Attributes:
        threshold: Reward from which audio passes.
        full_bandwidth_hz: Bandwidth that is worth full marks, at most 8000; 4000 for telephony.
    """

    threshold: float = attrs.field(
        default=0.5, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    full_bandwidth_hz: float = attrs.field(
        default=SAMPLING_RATE / 2,
        validator=[attrs.validators.gt(0), attrs.validators.le(SAMPLING_RATE / 2)],
    )


class Quality(Verifier):
    """Reward: the weighted geometric mean of five scores in [0, 1].

    | Score | Weight | Scale |
    | --- | --- | --- |
    | snr | 0.35 | linear from −5 dB (0) to 45 dB (1) |
    | bandwidth | 0.20 | linear from 0 Hz (0) to `full_bandwidth_hz` (1) |
    | clipping | 0.20 | exp(−share of clipped samples / 5 %), 0 from 20 % on |
    | silence | 0.15 | 1 − share of pauses |
    | dynamics | 0.10 | linear from a crest factor of 0 dB (0) to 18 dB (1) |

    A geometric mean, so that no strength makes up for a failure: one score of 0 makes the reward 0.
    Level does not count. Where less than 0.1 s can be heard, the reward is 0.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    needs_reference = False
    metrics = tuple(field.name for field in attrs.fields(SignalMetrics))

    def __init__(
        self, threshold: float = 0.5, full_bandwidth_hz: float = SAMPLING_RATE / 2
    ) -> None:
        """Create the verifier; see `QualityOptions`."""
        self._threshold = threshold
        self._full_bandwidth_hz = full_bandwidth_hz

    def setup(self, context: VerifierContext) -> None:
        """Have librosa load and compile what it needs, for which no batch has the time."""
        measure(np.resize(np.array([0.5, -0.5], np.float32), SAMPLING_RATE))

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; the samples play no part."""
        return [self._score(s, h) for s, h in zip(samples, hypotheses, strict=True)]

    def _score(self, sample: AudioSample, hypothesis: Hypothesis) -> Score:
        clip = hear(sample, hypothesis, SAMPLING_RATE)
        if isinstance(clip, Unheard):
            return clip.score
        if is_silent(clip):
            return Score(0.0, passed=False, metrics={"silence_share": 1.0})
        measured = measure(clip.waveform)
        generated = hear(sample, hypothesis, None)
        if isinstance(generated, Clip) and generated.sampling_rate != SAMPLING_RATE:
            share = share_at_peak(generated.waveform, 1 - measured.silence_share)
            measured = attrs.evolve(measured, clipped_share=share)
        reward = geometric_mean(scores(measured, self._full_bandwidth_hz))
        return Score(reward, reward >= self._threshold, attrs.asdict(measured))


def scores(measured: SignalMetrics, full_bandwidth_hz: float) -> dict[str, float]:
    """Return each measurement on its scale from 0 to 1; the scales are those of `Quality`."""
    return {
        "snr": _between(measured.snr_db, LOWEST_SNR_DB, HIGHEST_SNR_DB),
        "bandwidth": _between(measured.bandwidth_hz, 0, full_bandwidth_hz),
        "clipping": _unclipped(measured.clipped_share),
        "silence": 1 - measured.silence_share,
        "dynamics": _between(measured.crest_db, 0, FULL_CREST_DB),
    }


def geometric_mean(scores: dict[str, float]) -> float:
    """Return Π score^weight; the weights sum to 1."""
    return min(1.0, math.prod(math.pow(score, WEIGHTS[name]) for name, score in scores.items()))


def _unclipped(share: float) -> float:
    return math.exp(-share / CLIPPED_SHARE_AT_1_E) if share < CLIPPED_SHARE_AT_0 else 0.0


def _between(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
