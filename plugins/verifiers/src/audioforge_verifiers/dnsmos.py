"""The verifier `dnsmos`: opinion scores of speech quality as a trained network predicts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from attrs import frozen

from audioforge.errors import PluginError
from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.generated_audio import Unheard, hear, is_silent
from audioforge_verifiers.opinion_score import opinion_reward, opinion_threshold

SAMPLING_RATE = 16_000
METRICS = {"ovrl": "ovrl_mos", "sig": "sig_mos", "bak": "bak_mos", "p808": "p808_mos"}
"""Our names, and speechmos' names for the same."""


@frozen
class DnsmosOptions:
    """Options of `dnsmos`.

    Attributes:
        threshold: Overall opinion score from 1 to 5 from which audio passes.
    """

    threshold: float = opinion_threshold(3.0)


class Dnsmos(Verifier):
    """Reward (OVRL − 1) / 4, of a mean opinion score from 1 (bad) to 5 (excellent).

    The networks are those of DNSMOS P.835 (Reddy, Gopal and Cutler, ICASSP 2022), which the
    package speechmos ships; they rate the signal (`sig`), the background (`bak`) and both together
    (`ovrl`), and, by P.808, the whole (`p808`). They hear windows of 9 s, and a shorter clip again
    and again until it fills one. In practice `ovrl` stays below 4, so that rewards stay below
    about 0.75. Silence has reward 0 and no metrics: the networks have never heard any.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    needs_reference = False
    metrics = tuple(METRICS)

    def __init__(self, threshold: float = 3.0) -> None:
        """Create the verifier; see `DnsmosOptions`."""
        self._threshold = threshold
        self._rate: Callable[..., dict[str, Any]] | None = None

    def setup(self, context: VerifierContext) -> None:
        """Load the networks.

        Raises:
            PluginError: If the package speechmos, or what it needs, is not installed.
        """
        try:
            from speechmos import dnsmos
        except ImportError as error:
            raise PluginError(
                f"verifier dnsmos: speechmos cannot be imported: {error}. Install it with "
                f"pip install 'audioforge-verifiers[mos]'."
            ) from error
        self._rate = dnsmos.run

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; the samples play no part."""
        return [self._score(s, h) for s, h in zip(samples, hypotheses, strict=True)]

    def _score(self, sample: AudioSample, hypothesis: Hypothesis) -> Score:
        if self._rate is None:
            raise RuntimeError("setup comes before verify")
        clip = hear(sample, hypothesis, SAMPLING_RATE)
        if isinstance(clip, Unheard):
            return clip.score
        if is_silent(clip):
            return Score(0.0, passed=False)
        rated = self._rate(clip.waveform, SAMPLING_RATE)
        mos = {name: float(rated[key]) for name, key in METRICS.items()}
        return Score(opinion_reward(mos["ovrl"]), mos["ovrl"] >= self._threshold, mos)
