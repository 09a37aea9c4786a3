"""The verifier `length`: whether a transcript is as long as the clip's time of speech lets it be.

The band of likely lengths is learnt from the references of the run, in letters per second of speech
(`audioforge_verifiers.speaking_rates`). A transcript that stops early, leaves out what it does not
understand, or runs on lies outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import field, frozen
from attrs.validators import gt, optional

from audioforge.errors import ConfigError
from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.normalizers import Normalizer, get_normalizer
from audioforge_verifiers.speaking_rates import (
    FEWEST_REFERENCES,
    Band,
    Bands,
    check_limits,
    learnt_bands,
    letters_of,
    recordings,
    seconds_of_speech,
)


@frozen
class LengthOptions:
    """Options of `length`; both of them or none.

    Attributes:
        low: Letters per second of speech from which a transcript is long enough; none to learn it
            from the references of the run.
        high: Letters per second of speech up to which it is short enough; likewise.
    """

    low: float | None = field(default=None, validator=optional(gt(0)))
    high: float | None = field(default=None, validator=optional(gt(0)))

    def __attrs_post_init__(self) -> None:
        """Check the limits together."""
        check_limits(self.low, self.high)


class Length(Verifier):
    """Reward 1 within the band, below it rate / low, and above it high / rate; it passes with 1.

    Letters and digits are counted in the normalised text, so that "7" and "seven" are as long. It
    cannot judge a clip without sound, or with less than 0.1 s of speech.

    What the right number of letters says does not matter: beside another verifier it keeps a model
    from leaving out, and from adding, what that one does not look at.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    needs_reference: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = (
        "letters_per_speech_second",
        "speech_seconds",
        "unlikely_length",
        "timed_transcripts",
    )
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric(
            "unlikely_length_rate",
            ("unlikely_length",),
            "timed_transcripts",
            higher_is_better=False,
        ),
    )

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        """Create the verifier; see `LengthOptions`."""
        given = None if low is None or high is None else Band(low, high)
        self._bands = None if given is None else Bands(given, {})
        self._normalizer: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser, and learn the bands where none is given.

        Raises:
            ConfigError: If too few clips have both a reference and sound.
        """
        self._normalizer = get_normalizer(context.normalizer)
        if self._bands is not None:
            return
        learnt = learnt_bands(recordings(context.corpus), self._normalizer)
        if isinstance(learnt, int):
            raise ConfigError(
                [
                    f"length: {learnt} clips of the run have both a reference and speech, "
                    f"and {FEWEST_REFERENCES} are needed to learn how long transcripts are; give "
                    f"low= and high=, in letters per second of speech"
                ]
            )
        self._bands = learnt

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one of a clip without speech, or that is no text, is not judged."""
        # A sample's k hypotheses share its object, and it is listened to once.
        seconds = {key: seconds_of_speech(s) for key, s in {id(s): s for s in samples}.items()}
        return [
            self._score(sample, hypothesis.text, seconds[id(sample)])
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def _score(self, sample: AudioSample, text: str | None, seconds: float | None) -> Score:
        if text is None or seconds is None:
            return Score(None)
        if self._bands is None or self._normalizer is None:
            raise RuntimeError("setup comes before verify")
        rate = letters_of(self._normalizer.hypothesis(text, sample.language)) / seconds
        reward = _reward(self._bands.of(sample.language), rate)
        passed = reward == 1.0
        metrics = {
            "letters_per_speech_second": rate,
            "speech_seconds": seconds,
            "unlikely_length": float(not passed),
            "timed_transcripts": 1.0,
        }
        return Score(reward, passed, metrics)


def _reward(band: Band, rate: float) -> float:
    """Return 1 within the band, and beyond it the ratio of rate and limit."""
    if rate < band.low:
        return rate / band.low
    return min(1.0, band.high / rate)
