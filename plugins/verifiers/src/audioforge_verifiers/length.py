"""The verifier `length`: whether a transcript is as long as the clip's time of speech lets it be.

How fast people speak is a property of a corpus: an order at a counter is faster than a reader, and
a script of syllables has fewer signs than an alphabet. So the band of likely rates is learnt from
the references of the run, in letters per second of speech (`audioforge_verifiers.speech_time`), for
each language by itself. A transcript that stops early, leaves out what it does not understand, or
runs on lies outside.

The logarithms of the rates are taken as normal, their centre and width from median and median
absolute deviation, which a few wrong references do not move.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from attrs import field, frozen
from attrs.validators import gt, optional

from audioforge import keyed_random
from audioforge.audio import load_clip
from audioforge.errors import AudioError, ConfigError
from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.normalizers import Normalizer, get_normalizer
from audioforge_verifiers.speech_time import speech_seconds
from audioforge_verifiers.words import count_letters

FEWEST_REFERENCES = 20
"""References that a band is learnt from at least; a language of fewer shares that of all."""
MOST_REFERENCES = 400
"""References that are listened to; more would not move the band."""

DEVIATIONS = 3.0
MAD_OF_NORMAL = 1.4826
"""A normal deviation over the median absolute one."""
LEAST_SPREAD = 0.1
"""Standard deviation of the logarithm that is assumed at least: no two people speak alike."""

SHORTEST_SPEECH_SECONDS = 0.1
"""Less tells nothing of a rate."""

DIGIT_IN_LETTERS = 4
"""A digit is spoken as a word, in English of four letters in the mean."""

SAMPLING_RATE = 16_000
"""At which a sound file is decoded, in Hz."""


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
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high belong together: give both, or none to learn them")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")


@frozen
class Band:
    """The rates that are likely, in letters per second of speech.

    Attributes:
        low: The lowest one.
        high: The highest one.
    """

    low: float
    high: float

    @classmethod
    def around(cls, rates: Sequence[float]) -> Band:
        """Return the band of rates that are above 0."""
        logs = np.log(rates)
        centre = float(np.median(logs))
        spread = max(LEAST_SPREAD, MAD_OF_NORMAL * float(np.median(np.abs(logs - centre))))
        reach = DEVIATIONS * spread
        return cls(math.exp(centre - reach), math.exp(centre + reach))

    def reward(self, rate: float) -> float:
        """Return 1 within the band, and beyond it the ratio of rate and limit."""
        if rate < self.low:
            return rate / self.low
        return min(1.0, self.high / rate)


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
        self._band = None if low is None or high is None else Band(low, high)
        self._of_language: dict[str | None, Band] = {}
        self._normalizer: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser, and learn the bands where none is given.

        Raises:
            ConfigError: If too few clips have both a reference and sound.
        """
        self._normalizer = get_normalizer(context.normalizer)
        if self._band is not None:
            return
        rates: dict[str | None, list[float]] = {}
        for sample in _drawn(context.corpus):
            letters, seconds = self._reference_letters(sample), _seconds(sample)
            if letters and seconds is not None:
                rates.setdefault(sample.language, []).append(letters / seconds)
        together = sorted(rate for own in rates.values() for rate in own)
        if len(together) < FEWEST_REFERENCES:
            raise ConfigError(
                [
                    f"length: {len(together)} clips of the run have both a reference and speech, "
                    f"and {FEWEST_REFERENCES} are needed to learn how long transcripts are; give "
                    f"low= and high=, in letters per second of speech"
                ]
            )
        self._band = Band.around(together)
        self._of_language = {
            language: Band.around(sorted(own))
            for language, own in rates.items()
            if len(own) >= FEWEST_REFERENCES
        }

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one of a clip without speech, or that is no text, is not judged."""
        # A sample's k hypotheses share its object, and it is listened to once.
        seconds = {key: _seconds(s) for key, s in {id(s): s for s in samples}.items()}
        return [
            self._score(sample, hypothesis.text, seconds[id(sample)])
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def _score(self, sample: AudioSample, text: str | None, seconds: float | None) -> Score:
        if text is None or seconds is None:
            return Score(None)
        if self._band is None or self._normalizer is None:
            raise RuntimeError("setup comes before verify")
        band = self._of_language.get(sample.language, self._band)
        rate = _letters(self._normalizer.hypothesis(text, sample.language)) / seconds
        reward = band.reward(rate)
        passed = reward == 1.0
        metrics = {
            "letters_per_speech_second": rate,
            "speech_seconds": seconds,
            "unlikely_length": float(not passed),
            "timed_transcripts": 1.0,
        }
        return Score(reward, passed, metrics)

    def _reference_letters(self, sample: AudioSample) -> int:
        """Return how many letters were said of a reference, whose notes were not."""
        assert self._normalizer is not None
        return _letters(self._normalizer.reference(sample.reference or "", sample.language))


def _letters(normalized: str) -> int:
    """Return how many letters a text has, with `DIGIT_IN_LETTERS` for each digit."""
    digits = sum(map(str.isdecimal, normalized))
    return count_letters(normalized) + (DIGIT_IN_LETTERS - 1) * digits


def _drawn(corpus: Iterable[AudioSample]) -> list[AudioSample]:
    """Return samples with a reference and sound: the same ones in every process."""
    usable = (s for s in corpus if s.reference and s.audio is not None)
    found = sorted(usable, key=lambda sample: sample.id)
    order = keyed_random.shuffled(len(found), "length", 0)
    return [found[i] for i in order[:MOST_REFERENCES]]


def _seconds(sample: AudioSample) -> float | None:
    """Return for how long there is speech in a clip; None where that is not known, or too short."""
    try:
        clip = load_clip(sample, sample.sampling_rate or SAMPLING_RATE)
    except AudioError:
        return None
    seconds = speech_seconds(clip.waveform, clip.sampling_rate)
    return seconds if seconds >= SHORTEST_SPEECH_SECONDS else None
