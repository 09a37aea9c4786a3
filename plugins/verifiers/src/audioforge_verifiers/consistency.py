"""The verifier `consistency`: whether generated speech has the voice of the reference recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np
from attrs import frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.generated_audio import Unheard, as_played, hear, is_silent

if TYPE_CHECKING:
    from audioforge_verifiers.ecapa import SpeakerEncoder

VOXCELEB = "speechbrain/spkrec-ecapa-voxceleb"


@frozen
class ConsistencyOptions:
    """Options of `consistency`.

    Attributes:
        model: A local folder or hub id with the weights of SpeechBrain's ECAPA-TDNN.
        threshold: Cosine from which two voices count as one. 0.25 is SpeechBrain's own threshold
            for its VoxCeleb model; another model needs another.
        slope: How far above the threshold, in cosine, the odds that the voices are one grow e-fold.
    """

    model: str = VOXCELEB
    threshold: float = attrs.field(
        default=0.25, validator=[attrs.validators.gt(-1), attrs.validators.lt(1)]
    )
    slope: float = attrs.field(
        default=0.1, validator=[attrs.validators.gt(0), attrs.validators.lt(math.inf)]
    )


class Consistency(Verifier):
    """Reward 1 / (1 + exp(−(cosine − threshold) / slope)), passed from the threshold up.

    The cosine is that of two speaker embeddings: of what was generated, and of the sample's audio,
    a recording of the voice to speak with. The logistic curve is the usual form of calibration in
    speaker verification, where a score is an affine function of log odds. With the
    defaults, cosines of 0, 0.25, 0.5 and 0.7 give rewards of 0.08, 0.5, 0.92 and 0.99.

    Without a reference that can be used (none, unreadable, silent, or under 0.1 s) it cannot
    judge. What was generated and holds no voice (silent or under 0.1 s) has reward 0.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    needs_reference = False
    metrics = ("cosine",)

    def __init__(self, model: str = VOXCELEB, threshold: float = 0.25, slope: float = 0.1) -> None:
        """Create the verifier; see `ConsistencyOptions`."""
        self._model = model
        self._threshold = threshold
        self._slope = slope
        self._encoder: SpeakerEncoder | None = None

    def setup(self, context: VerifierContext) -> None:
        """Load the network.

        Raises:
            PluginError: If SpeechBrain cannot be imported.
            CheckpointError: If the weights cannot be had.
        """
        from audioforge_verifiers.ecapa import SpeakerEncoder

        self._encoder = SpeakerEncoder(self._model, context.device)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; the k hypotheses of a sample share its reference's embedding."""
        if self._encoder is None:
            raise RuntimeError("setup comes before verify")
        voices: dict[int, np.ndarray | None] = {}
        scores = []
        for sample, hypothesis in zip(samples, hypotheses, strict=True):
            if id(sample) not in voices:
                voices[id(sample)] = _reference_voice(sample, self._encoder)
            scores.append(self._score(self._encoder, sample, hypothesis, voices[id(sample)]))
        return scores

    def close(self) -> None:
        """Let the network go."""
        self._encoder = None

    def _score(
        self,
        encoder: SpeakerEncoder,
        sample: AudioSample,
        hypothesis: Hypothesis,
        reference: np.ndarray | None,
    ) -> Score:
        if reference is None:
            return Score(None)
        clip = hear(sample, hypothesis, encoder.sampling_rate)
        if isinstance(clip, Unheard):
            return clip.score
        voice = _voice(clip, encoder)
        if voice is None:
            return Score(0.0, passed=False)
        cosine = float(np.clip(voice @ reference, -1, 1))
        return Score(
            _logistic((cosine - self._threshold) / self._slope),
            cosine >= self._threshold,
            {"cosine": cosine},
        )


def _reference_voice(sample: AudioSample, encoder: SpeakerEncoder) -> np.ndarray | None:
    try:
        clip = load_clip(sample, encoder.sampling_rate)
    except AudioError:
        return None
    return _voice(as_played(clip), encoder)


def _voice(clip: Clip, encoder: SpeakerEncoder) -> np.ndarray | None:
    if clip.seconds < encoder.min_seconds or is_silent(clip):
        return None
    return encoder.embed(clip.waveform)


def _logistic(x: float) -> float:
    """Return 1 / (1 + e⁻ˣ), without overflow."""
    return 0.5 * (1 + math.tanh(x / 2))
