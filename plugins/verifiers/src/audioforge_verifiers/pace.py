"""The verifier `pace`: whether generated speech is as fast as speech is, and as long as it need be.

Reward for sounding right word for word does not say how fast: a synthesiser is understood while it
drawls, hurries, falls silent for as long again, or stops within a last word that can be guessed.
The band of likely rates, how much of a clip is silent, and how loud it ends are learnt from the
recordings of the run (`audioforge_verifiers.speaking_rates`).

Lengths that no speaker has are worth 0, as in the rewards of NeMo's Magpie.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, lt, optional

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.delivery import end_level_db
from audioforge_verifiers.generated_audio import Unheard, hear
from audioforge_verifiers.normalizers import Normalizer, get_normalizer
from audioforge_verifiers.speaking_rates import (
    FEWEST_REFERENCES,
    SAMPLING_RATE,
    SHORTEST_SPEECH_SECONDS,
    Band,
    Bands,
    check_limits,
    learnt_bands,
    letters_of,
    recordings,
)
from audioforge_verifiers.speech_time import speech_seconds

ANY_SPEECH = Band(4.0, 30.0)
"""Where nothing can be learnt, letters per second that hold the bands of nearly all corpora of
docs/verifiers.md: it only keeps off what no speaker does."""

SILENT_QUANTILE = 0.9
"""Part of the recordings that are no more silent than nothing is lost for."""
LEAST_SILENCE = 0.3
ANY_SILENCE = 0.6
"""Part of a clip that may be silent: at least, and where nothing can be learnt. Single words in
recordings of a second are silent for half of it."""

END_QUANTILE = 0.95
"""Part of the recordings that end no louder than nothing is lost for."""
LEAST_END_DB, ANY_END_DB = -20.0, -12.0
"""Level of the end that costs nothing: at least, since what a vocoder leaves is louder than a room,
and where nothing can be learnt."""
END_RANGE_DB = 6.0


@frozen
class PaceOptions:
    """Options of `pace`; `low` and `high` together or not at all.

    Attributes:
        low: Letters per second of speech from which it is fast enough; none to learn it from the
            recordings of the run.
        high: Letters per second of speech up to which it is slow enough; likewise.
        silence: Part of the clip that may be silent; none to learn it.
        end: How loud the last 30 ms of sound may be, in dB against loud speech; none to learn it.
    """

    low: float | None = field(default=None, validator=optional(gt(0)))
    high: float | None = field(default=None, validator=optional(gt(0)))
    silence: float | None = field(default=None, validator=optional(and_(ge(0), lt(1))))
    end: float | None = field(default=None, validator=optional(le(0)))

    def __attrs_post_init__(self) -> None:
        """Check the limits together."""
        check_limits(self.low, self.high)


@frozen
class Usual:
    """What is usual in recordings.

    Attributes:
        silence: Part of the clip that is silent, at most.
        end_db: How loud the end is against loud speech, at most.
    """

    silence: float = ANY_SILENCE
    end_db: float = ANY_END_DB

    @classmethod
    def of(cls, samples: Iterable[AudioSample]) -> Usual:
        """Return what is usual in samples with sound."""
        shares, ends_db = [], []
        for sample in samples:
            try:
                clip = load_clip(sample, SAMPLING_RATE)
            except AudioError:
                continue
            seconds = speech_seconds(clip.waveform, clip.sampling_rate)
            if seconds >= SHORTEST_SPEECH_SECONDS:
                shares.append(_silent_share(clip, seconds))
                ends_db.append(end_level_db(clip))
        if len(shares) < FEWEST_REFERENCES:
            return cls()
        return cls(
            max(LEAST_SILENCE, float(np.quantile(shares, SILENT_QUANTILE))),
            max(LEAST_END_DB, float(np.quantile(ends_db, END_QUANTILE))),
        )


class Pace(Verifier):
    """Reward: the lowest of three parts, each of which passes with 1.

    - The rate, in letters per second of speech: 1 within the band, and linear to 0 at half of its
      lower limit and at twice its upper one.
    - The silence, as part of the clip: 1 up to what recordings have, and linear to 0 where only
      half of what else is spoken is left.
    - The end: 1 where the last 30 ms of sound are no louder against loud speech than those of 95 %
      of the recordings, or than −20 dB, and linear to 0 at 6 dB more, where it breaks off.

    Letters and digits are counted in the normalised text. Less than 0.1 s of speech has reward 0.
    Where fewer than 20 recordings have a text and speech, the band is that of any speech: 4 to 30
    letters per second, a clip may be silent for 60 % of its time, and end at −12 dB.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    metrics: ClassVar[tuple[str, ...]] = (
        "letters_per_speech_second",
        "letters",
        "speech_seconds",
        "silent_share",
        "end_level_db",
        "unlikely_pace",
        "timed_speech",
    )
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric(
            "unlikely_pace_rate", ("unlikely_pace",), "timed_speech", higher_is_better=False
        ),
        CorpusMetric("mean_pace", ("letters",), "speech_seconds", higher_is_better=None),
    )

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        silence: float | None = None,
        end: float | None = None,
    ) -> None:
        """Create the verifier; see `PaceOptions`."""
        given = None if low is None or high is None else Band(low, high)
        self._bands = None if given is None else Bands(given, {})
        self._silence = silence
        self._end = end
        self._normalizer: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser, and learn from its recordings what is not given."""
        self._normalizer = get_normalizer(context.normalizer)
        if self._bands is not None and self._silence is not None and self._end is not None:
            return
        samples = recordings(context.corpus)
        if self._bands is None:
            learnt = learnt_bands(samples, self._normalizer)
            self._bands = Bands(ANY_SPEECH, {}) if isinstance(learnt, int) else learnt
        usual = Usual.of(samples)
        self._silence = usual.silence if self._silence is None else self._silence
        self._end = usual.end_db if self._end is None else self._end

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; where no letter is to be spoken it cannot judge."""
        return [self._score(s, h) for s, h in zip(samples, hypotheses, strict=True)]

    def _score(self, sample: AudioSample, hypothesis: Hypothesis) -> Score:
        if (
            self._bands is None
            or self._silence is None
            or self._end is None
            or self._normalizer is None
        ):
            raise RuntimeError("setup comes before verify")
        letters = letters_of(self._normalizer.reference(sample.reference or "", sample.language))
        if not letters:
            return Score(None)
        clip = hear(sample, hypothesis, SAMPLING_RATE)
        if isinstance(clip, Unheard):
            return clip.score
        seconds = speech_seconds(clip.waveform, clip.sampling_rate)
        silent = _silent_share(clip, seconds)
        metrics = {"speech_seconds": seconds, "silent_share": silent, "timed_speech": 1.0}
        reward = 0.0
        if seconds >= SHORTEST_SPEECH_SECONDS:
            rate = letters / seconds
            metrics |= {"letters": float(letters), "letters_per_speech_second": rate}
            band = self._bands.of(sample.language)
            metrics["end_level_db"] = end_level_db(clip)
            reward = min(
                of_rate(band, rate),
                of_silence(self._silence, silent),
                of_end(self._end, metrics["end_level_db"]),
            )
        metrics["unlikely_pace"] = float(reward < 1)
        return Score(reward, reward == 1, metrics)


def of_rate(band: Band, rate: float) -> float:
    """Return 1 within the band, and 0 up to half of its lower limit and from twice its upper one.

    >>> [of_rate(Band(8, 20), rate) for rate in (4, 6, 8, 20, 30, 40)]
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    """
    return float(np.interp(rate, [band.low / 2, band.low, band.high, 2 * band.high], [0, 1, 1, 0]))


def of_silence(limit: float, share: float) -> float:
    """Return 1 up to a limit, and 0 where half of what it leaves for speech is silent too.

    >>> [of_silence(0.4, share) for share in (0.4, 0.55, 0.7)]
    [1.0, 0.5, 0.0]
    """
    return round(float(np.interp(share, [limit, (1 + limit) / 2], [1, 0])), 12)


def of_end(limit_db: float, level_db: float) -> float:
    """Return 1 up to a limit, and 0 from where it is louder by `END_RANGE_DB`.

    >>> [of_end(-20, level_db) for level_db in (-40, -20, -17, -14, 0)]
    [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    return float(np.interp(level_db, [limit_db, limit_db + END_RANGE_DB], [1, 0]))


def _silent_share(clip: Clip, seconds: float) -> float:
    return max(0.0, 1 - seconds / clip.seconds)
