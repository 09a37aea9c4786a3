"""The verifier `prosody`: whether generated speech has the melody and the pauses that people have.

A reward for being understood flattens speech: what is spoken on one note, without a pause, is heard
as well (arXiv 2509.18531). So a voice is not to move less than those of the run's recordings do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, lt, optional

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.generated_audio import Unheard, hear, is_silent
from audioforge_verifiers.pitch import SAMPLING_RATE, Pitch, measure_pitch
from audioforge_verifiers.speaking_rates import recordings
from audioforge_verifiers.speech_time import speech_time

MOST_RECORDINGS = 60
"""Recordings that are listened to: pitch takes a second for half a minute of speech."""
FEWEST_RECORDINGS = 20

ANY_DEVIATION = 1.0
"""Where nothing can be learnt, semitones that the pitch of a voice moves by at least: readers of
sentences have 2 to 5, of digits 0.8 to 3, a plain synthesiser of digits 0.9 to 1.7."""
LEAST_DEVIATION = 0.2
"""As much as the contour's bins are wide: recordings of tones teach nothing less."""
PAUSE_QUANTILES = 0.1, 0.9
LEAST_HIGHEST_PAUSES = 0.2
"""The middle 80 % of the recordings' shares of pauses, but up to this at least."""
ANY_PAUSES = (0.0, 0.5)


@frozen
class ProsodyOptions:
    """Options of `prosody`.

    Attributes:
        deviation: Standard deviation of the pitch in semitones from which nothing is lost; none for
            the median of the run's recordings.
        pauses: Part of the time of speaking that may be pauses; none for what 90 % of the run's
            recordings have at most.
    """

    deviation: float | None = field(default=None, validator=optional(gt(0)))
    pauses: float | None = field(default=None, validator=optional(and_(ge(0), lt(1))))


@frozen
class Usual:
    """What is usual in recordings.

    Attributes:
        deviation: Standard deviation of the pitch, in semitones.
        fewest_pauses: Part of the time of speaking that is pauses, at least.
        most_pauses: At most.
    """

    deviation: float = ANY_DEVIATION
    fewest_pauses: float = ANY_PAUSES[0]
    most_pauses: float = ANY_PAUSES[1]


class Prosody(Verifier):
    """Reward: the lower of two parts.

    - Pitch: its standard deviation over the usual one, up to 1. The contour is pYIN's, in
      semitones, of what is loud for the clip; frames an octave off do not count.
    - Pauses of 250 ms and more, as part of the time from the first word to the last: 1 where it is
      usual, below that share / lowest, and above it what is spoken / what is spoken at least.

    Usual is what the run's recordings have: the median deviation of the pitch, and between the
    lowest and the highest tenth of pauses. Where fewer than 20 can be used it is a deviation of one
    semitone, and pauses for up to half of the time.

    It passes from a reward of 0.5 up. Where too little is voiced it cannot judge, as of a whisper;
    silence has reward 0. It does not hear whether the melody suits the words.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    needs_reference: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = (
        "pitch_deviation",
        "pitch_hz",
        "voiced_seconds",
        "pause_share",
        "voiced_speech",
    )
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric(
            "mean_pitch_deviation", ("pitch_deviation",), "voiced_speech", higher_is_better=None
        ),
        CorpusMetric("mean_pause_share", ("pause_share",), "voiced_speech", higher_is_better=None),
    )

    def __init__(self, deviation: float | None = None, pauses: float | None = None) -> None:
        """Create the verifier; see `ProsodyOptions`."""
        self._deviation = deviation
        self._pauses = pauses
        self._usual = Usual()

    def setup(self, context: VerifierContext) -> None:
        """Listen to recordings of the run, unless everything is given.

        librosa loads and compiles what it needs here: the time limit of a batch is not for that.
        """
        measure_pitch(np.resize(np.array([0.5, -0.5], np.float32), SAMPLING_RATE))
        usual = Usual()
        if self._deviation is None or self._pauses is None:
            usual = _usual(recordings(context.corpus)[:MOST_RECORDINGS])
        pauses = usual.most_pauses if self._pauses is None else self._pauses
        self._usual = Usual(
            self._deviation or usual.deviation, min(usual.fewest_pauses, pauses), pauses
        )

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
            return Score(0.0, passed=False)
        share = speech_time(clip.waveform, clip.sampling_rate).pause_share
        pitch = measure_pitch(clip.waveform)
        if pitch is None:
            return Score(None, metrics={"pause_share": share})
        reward = self._reward(pitch, share)
        metrics = {
            "pitch_deviation": pitch.deviation,
            "pitch_hz": pitch.median_hz,
            "voiced_seconds": pitch.voiced_seconds,
            "pause_share": share,
            "voiced_speech": 1.0,
        }
        return Score(reward, reward >= 0.5, metrics)

    def _reward(self, pitch: Pitch, share: float) -> float:
        usual = self._usual
        melody = pitch.deviation / usual.deviation
        if share < usual.fewest_pauses:
            return min(1.0, melody, share / usual.fewest_pauses)
        return min(1.0, melody, (1 - share) / (1 - usual.most_pauses))


def _usual(samples: Iterable[AudioSample]) -> Usual:
    clips = [clip for clip in map(_heard, samples) if clip is not None]
    found = [(pitch, c) for c in clips if (pitch := measure_pitch(c.waveform)) is not None]
    if len(found) < FEWEST_RECORDINGS:
        return Usual()
    shares = [speech_time(c.waveform, c.sampling_rate).pause_share for _, c in found]
    fewest, most = np.quantile(shares, PAUSE_QUANTILES)
    deviation = float(np.median([pitch.deviation for pitch, _ in found]))
    return Usual(
        max(LEAST_DEVIATION, deviation), float(fewest), max(LEAST_HIGHEST_PAUSES, float(most))
    )


def _heard(sample: AudioSample) -> Clip | None:
    try:
        clip = load_clip(sample, SAMPLING_RATE)
    except AudioError:
        return None
    return None if is_silent(clip) else clip
