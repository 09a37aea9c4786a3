"""How fast people speak in a corpus, in letters per second of speech, learnt from its recordings.

It is a property of a corpus: an order at a counter is faster than a reader, and a script of
syllables has fewer signs than an alphabet; so each language has a band of likely rates by itself.
The logarithms of the rates are taken as normal, their centre and width from median and median
absolute deviation, which a few wrong references do not move.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import frozen

from audioforge import keyed_random
from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample
from audioforge_verifiers.normalizers import Normalizer
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


def check_limits(low: float | None, high: float | None) -> None:
    """Check the limits of a band that somebody states.

    Raises:
        ValueError: If only one is there, or they are the wrong way round.
    """
    if (low is None) != (high is None):
        raise ValueError("low and high belong together: give both, or none to learn them")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"low {low:g} is not below high {high:g}")


@frozen
class Bands:
    """The bands of a corpus.

    Attributes:
        together: That of all recordings.
        of_language: Those of the languages that have `FEWEST_REFERENCES`.
    """

    together: Band
    of_language: Mapping[str | None, Band]

    def of(self, language: str | None) -> Band:
        """Return the band of a sample of this language."""
        return self.of_language.get(language, self.together)


def learnt_bands(samples: Iterable[AudioSample], normalizer: Normalizer) -> Bands | int:
    """Learn the bands from recordings and what they say.

    Args:
        samples: With reference and sound, see `recordings`.
        normalizer: The run's.

    Returns:
        Where fewer than `FEWEST_REFERENCES` can be used, how many.
    """
    rates: dict[str | None, list[float]] = {}
    for sample in samples:
        letters = letters_of(normalizer.reference(sample.reference or "", sample.language))
        seconds = seconds_of_speech(sample)
        if letters and seconds is not None:
            rates.setdefault(sample.language, []).append(letters / seconds)
    together = sorted(rate for own in rates.values() for rate in own)
    if len(together) < FEWEST_REFERENCES:
        return len(together)
    of_language = {
        language: Band.around(sorted(own))
        for language, own in rates.items()
        if len(own) >= FEWEST_REFERENCES
    }
    return Bands(Band.around(together), of_language)


def letters_of(normalized: str) -> int:
    """Return how many letters a text has, with `DIGIT_IN_LETTERS` for each digit."""
    digits = sum(map(str.isdecimal, normalized))
    return count_letters(normalized) + (DIGIT_IN_LETTERS - 1) * digits


def recordings(corpus: Iterable[AudioSample]) -> list[AudioSample]:
    """Return samples with a reference and sound: the same ones in every process."""
    usable = (s for s in corpus if s.reference and s.audio is not None)
    found = sorted(usable, key=lambda sample: sample.id)
    order = keyed_random.shuffled(len(found), "length", 0)
    return [found[i] for i in order[:MOST_REFERENCES]]


def seconds_of_speech(sample: AudioSample) -> float | None:
    """Return for how long there is speech in a clip; None where that is not known, or too short."""
    try:
        clip = load_clip(sample, sample.sampling_rate or SAMPLING_RATE)
    except AudioError:
        return None
    seconds = speech_seconds(clip.waveform, clip.sampling_rate)
    return seconds if seconds >= SHORTEST_SPEECH_SECONDS else None
