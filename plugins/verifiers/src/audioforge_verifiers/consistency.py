"""The verifier `consistency`: whether generated speech has the voice of the reference recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Protocol

import attrs
import numpy as np
from attrs import frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.generated_audio import Unheard, as_played, hear, is_silent
from audioforge_verifiers.similarity_scale import (
    LinearScale,
    LogisticScale,
    Scale,
    mean_of_one_voice,
)

Encoder = Literal["ecapa", "resemblyzer"]


@frozen
class Calibration:
    """How cosines of one encoder are read.

    Attributes:
        threshold: Cosine from which two voices count as one.
        slope: How far above it, in cosine, the odds that the voices are one grow e-fold.
        other: Usual cosine of two voices.
        mean: Usual cosine of two recordings of one voice.
    """

    threshold: float
    slope: float
    other: float
    mean: float


CALIBRATIONS: dict[Encoder, Calibration] = {
    "ecapa": Calibration(0.25, 0.1, 0.0, 0.6),
    "resemblyzer": Calibration(0.73, 0.015, 0.58, 0.87),
}
"""0.25 is SpeechBrain's own threshold for its VoxCeleb model; 0.1 and 0 are choices, and 0.6 is
what NeMo's Magpie takes for the mean of a corpus. Those of resemblyzer are fitted by
`benchmarks/speaker_trials.py`, or medians of its trials; docs/verifiers.md has the figures."""


CAP = 0.9
"""Cosine beyond which the linear scale pays no more, as in Magpie: a copy of the recording is not
what is wanted."""


def _between(low: float, high: float) -> Callable[[Any, Any, float], Any]:
    return attrs.validators.and_(attrs.validators.gt(low), attrs.validators.lt(high))


@frozen
class ConsistencyOptions:
    """Options of `consistency`.

    Attributes:
        encoder: What turns a voice into an embedding: `ecapa` is SpeechBrain's ECAPA-TDNN,
            `resemblyzer` the GE2E network of that package, whose weights need no hub.
        model: The encoder's weights: a local folder, or for `ecapa` a hub id too; None for those
            that are published with it.
        threshold: Cosine from which two voices count as one; None for the encoder's own, which
            another model does not share.
        slope: How far above the threshold, in cosine, the odds that the voices are one grow e-fold;
            None for the encoder's own.
        scale: `odds` is the logistic curve of these two; `linear` goes from 0 for another voice
            through 0.5 at `mean` to 1 at a cosine of 0.9.
        mean: Cosine of two recordings of one voice; None to learn it from the run's recordings, or
            to take the encoder's own where there are less than 10 pairs of one speaker.
    """

    encoder: Encoder = "ecapa"
    model: str | None = None
    threshold: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_between(-1, 1))
    )
    slope: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_between(0, math.inf))
    )
    scale: Literal["odds", "linear"] = "odds"
    mean: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_between(-1, 1))
    )


class SpeakerEncoder(Protocol):
    """What turns a clip into an embedding of its voice.

    Attributes:
        sampling_rate: Sampling rate of the clips it takes, in Hz.
        min_seconds: The shortest clip it takes.
    """

    sampling_rate: ClassVar[int]
    min_seconds: ClassVar[float]

    def embed(self, waveform: np.ndarray) -> np.ndarray | None:
        """Return the embedding of a mono float32 clip, of length 1; None where it cannot tell."""
        ...


class Consistency(Verifier):
    """Reward by the cosine of two speaker embeddings, passed from the threshold up.

    They are of what was generated and of the sample's audio, a recording of the voice to speak
    with. There are two scales:

    - `odds`: 1 / (1 + exp(−(cosine − threshold) / slope)), the usual form of calibration in speaker
      verification, where a score is an affine function of log odds. With `ecapa`, cosines of 0,
      0.25, 0.5 and 0.7 give rewards of 0.08, 0.5, 0.92 and 0.99; with `resemblyzer`, whose cosines
      are never below 0, those of 0.7, 0.73, 0.76 and 0.8 give 0.12, 0.5, 0.88 and 0.99. It says
      whether the voice is the same one, and hardly how alike it is.
    - `linear`, to train with: 0 for another voice (a cosine of 0, of 0.58 with `resemblyzer`), 0.5
      for as alike as two recordings of one speaker are in this corpus, 1 from 0.9 up, where a copy
      of the recording gains no more (so NeMo's Magpie, but for the 0).

    Without a reference that can be used (none, unreadable, silent, or under 0.1 s) it cannot
    judge; nor, with `resemblyzer`, where either holds less than 1 s of sound. What was generated
    and holds no voice (silent or under 0.1 s) has reward 0.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    needs_reference = False
    metrics = ("cosine",)

    def __init__(
        self,
        encoder: Encoder = "ecapa",
        model: str | None = None,
        threshold: float | None = None,
        slope: float | None = None,
        scale: Literal["odds", "linear"] = "odds",
        mean: float | None = None,
    ) -> None:
        """Create the verifier; see `ConsistencyOptions`."""
        self._usual = CALIBRATIONS[encoder]
        self._encoder_name = encoder
        self._model = model
        self._threshold = self._usual.threshold if threshold is None else threshold
        self._mean = mean
        self._scale: Scale | None = None
        if scale == "odds":
            slope = self._usual.slope if slope is None else slope
            self._scale = LogisticScale(self._threshold, slope)
        self._encoder: SpeakerEncoder | None = None

    def setup(self, context: VerifierContext) -> None:
        """Load the network, and learn the mean of a linear scale where it is not given.

        Raises:
            PluginError: If what the encoder needs is not installed.
            CheckpointError: If the weights cannot be had.
        """
        if self._encoder_name == "ecapa":
            from audioforge_verifiers.ecapa import EcapaEncoder

            self._encoder = EcapaEncoder(self._model, context.device)
        else:
            from audioforge_verifiers.resemblyzer import ResemblyzerEncoder

            self._encoder = ResemblyzerEncoder(self._model, context.device)
        if self._scale is None:
            self._scale = self._linear(context, self._encoder)

    def _linear(self, context: VerifierContext, encoder: SpeakerEncoder) -> LinearScale:
        mean = self._mean
        if mean is None:
            mean = mean_of_one_voice(context.corpus, lambda s: _reference_voice(s, encoder))
        return LinearScale.through(self._usual.other, mean or self._usual.mean, CAP)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; the k hypotheses of a sample share its reference's embedding."""
        if self._encoder is None or self._scale is None:
            raise RuntimeError("setup comes before verify")
        voices: dict[int, np.ndarray | None] = {}
        scores = []
        for sample, hypothesis in zip(samples, hypotheses, strict=True):
            if id(sample) not in voices:
                voices[id(sample)] = _reference_voice(sample, self._encoder)
            cosine = _cosine(self._encoder, sample, hypothesis, voices[id(sample)])
            scores.append(cosine if isinstance(cosine, Score) else self._score(self._scale, cosine))
        return scores

    def close(self) -> None:
        """Let the network go."""
        self._encoder = None

    def _score(self, scale: Scale, cosine: float) -> Score:
        return Score(scale.reward(cosine), cosine >= self._threshold, {"cosine": cosine})


def _cosine(
    encoder: SpeakerEncoder,
    sample: AudioSample,
    hypothesis: Hypothesis,
    reference: np.ndarray | None,
) -> float | Score:
    """Return the cosine of what was generated and a reference, or what is said without one."""
    if reference is None:
        return Score(None)
    clip = hear(sample, hypothesis, encoder.sampling_rate)
    if isinstance(clip, Unheard):
        return clip.score
    if not _can_hold_voice(clip, encoder):
        return Score(0.0, passed=False)
    voice = encoder.embed(clip.waveform)
    return Score(None) if voice is None else float(np.clip(voice @ reference, -1, 1))


def _reference_voice(sample: AudioSample, encoder: SpeakerEncoder) -> np.ndarray | None:
    try:
        clip = as_played(load_clip(sample, encoder.sampling_rate))
    except AudioError:
        return None
    return encoder.embed(clip.waveform) if _can_hold_voice(clip, encoder) else None


def _can_hold_voice(clip: Clip, encoder: SpeakerEncoder) -> bool:
    return clip.seconds >= encoder.min_seconds and not is_silent(clip)
