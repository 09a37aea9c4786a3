"""What an interval resamples, and so what its claim is about.

Utterances of one speaker are not independent. So with `MANY_SPEAKERS` known speakers or more whole
speakers are drawn, with everything they said (the blockwise bootstrap of Liu and Peng 2019,
"Statistical Testing on ASR Performance via Blockwise Bootstrap", arXiv 1912.09508), and the claim
is about speakers like these. Their utterances are not drawn once more: their chance is in the
differences between speakers already (Davison and Hinkley 1997, "Bootstrap Methods and their
Application", section 3.8; docs/confidence-intervals.md has what either claims falsely, and finds).

A handful of speakers cannot tell of others. With fewer, utterances are drawn within each speaker,
and the claim is about these speakers only; with no speaker known, they are drawn from all. Clips
without a speaker count together as one more speaker, which claims least.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from audioforge import keyed_random

MANY_SPEAKERS = 8
"""Known speakers from which on they stand for others."""
RESAMPLES = 2000
BLOCK = 1 << 18
"""Counts that are held at a time, of as many resamples as they are enough for."""


class Resampling:
    """Draws the speakers or the utterances of one set.

    Args:
        speakers: Who says each utterance; None where unknown.

    Attributes:
        unit: "speakers"; "utterances of each speaker"; or "utterances", where no speaker is known.
        speakers: How many speakers are known.
        without_speaker: Utterances whose speaker is unknown.
        unit_of: The unit that each utterance is drawn with, as an index, shape (utterances,).
        units: How many units there are to draw.
    """

    def __init__(self, speakers: Sequence[str | None]) -> None:
        """Sort speakers by name, so that their order does not matter."""
        names, owner = np.unique([s or "" for s in speakers], return_inverse=True)
        self.without_speaker = sum(not s for s in speakers)
        self.speakers = len(names) - (self.without_speaker > 0)
        self.unit = "utterances of each speaker" if self.speakers else "utterances"
        self.unit_of = np.arange(len(owner))
        self._strata = _strata(owner)
        if self.speakers >= MANY_SPEAKERS:
            self.unit, self.unit_of = "speakers", owner
            self._strata = [np.arange(len(names))]
        self.units = sum(len(stratum) for stratum in self._strata)

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Add up what belongs to each unit: (…, utterances) → (…, units)."""
        if self.unit != "speakers":
            return values
        rows = values.reshape(-1, values.shape[-1])
        sums = [np.bincount(self.unit_of, row, self.units) for row in rows]
        return np.array(sums).reshape(*values.shape[:-1], self.units)

    def draws(self, purpose: str) -> Iterator[np.ndarray]:
        """Yield how often each unit is drawn: arrays (resamples, units), of RESAMPLES rows in all.

        They are the same for the same sizes, and float64, so that their products with what the
        units have are products of matrices.

        Args:
            purpose: Keys the draws: those of another one are independent.
        """
        if not self.units:
            return
        draw = keyed_random.generator("bootstrap", purpose, self.units)
        rows = min(max(1, BLOCK // self.units), RESAMPLES)
        for start in range(0, RESAMPLES, rows):
            counts = np.empty((min(rows, RESAMPLES - start), self.units))
            for stratum in self._strata:
                size = len(stratum)
                drawn = draw.integers(size, size=(len(counts), size))
                counts[:, stratum] = [np.bincount(row, minlength=size) for row in drawn]
            yield counts

    def tail(self, level: float) -> float:
        """Return the share of resamples that lies beyond each end of an interval.

        Percentiles are too narrow where little can be drawn: resamples spread less than samples by
        √((n - 1) / n), and the spread itself is estimated. They are taken further out to make up
        for it: Φ(−√(n / df) t), with n units, df of them free, and the quantile t of Student's
        distribution (the expanded percentile interval of Hesterberg 2015, "What Teachers Should
        Know About the Bootstrap", The American Statistician 69:371-386). A single unit tells
        nothing of its spread, and leaves the percentiles as they are.

        Args:
            level: Confidence level of the interval, such as 0.95.
        """
        plain = (1 - level) / 2
        free = self.units - len(self._strata)
        if free < 1:
            return plain
        return NormalDist().cdf(math.sqrt(self.units / free) * student_quantile(plain, free))

    def as_mapping(self) -> dict[str, Any]:
        """Return what was resampled, as results hold it beside an interval."""
        return {
            "unit": self.unit,
            "speakers": self.speakers,
            "without_speaker": self.without_speaker,
        }


def claimed_speakers(resampled: dict[str, Any]) -> str:
    """Return which speakers an interval's claim is about, in words that stand after it.

    Args:
        resampled: What was resampled, as `Resampling.as_mapping` returns it.
    """
    speakers, without = resampled["speakers"], resampled["without_speaker"]
    if not speakers:
        return "speakers unknown"
    if resampled["unit"] == "speakers":
        text = f"for speakers like these {speakers}"
    else:
        text = "for this speaker" if speakers == 1 else f"for these {speakers} speakers"
    clips = "1 clip" if without == 1 else f"{without} clips"
    return f"{text} and {clips} without a speaker" if without else text


def student_quantile(probability: float, free: int) -> float:
    """Return a quantile of Student's distribution.

    By the expansion of Abramowitz and Stegun 26.7.5 about the normal quantile. For 95 % intervals
    it is within 0.1 % from 4 degrees of freedom on, and up to 11 % too near to 0 below.

    Args:
        probability: The probability of a value below the quantile, in (0, 1).
        free: Degrees of freedom.
    """
    x = NormalDist().inv_cdf(probability)
    terms: tuple[float, ...] = (
        x,
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return sum(term / math.pow(free, power) for power, term in enumerate(terms))


def _strata(owner: np.ndarray) -> list[np.ndarray]:
    """Return the utterances of each speaker, as indices.

    Speakers of a single utterance share a stratum: alone it could not vary.
    """
    counts = np.bincount(owner)
    single = counts[owner] == 1
    many = [np.flatnonzero(owner == i) for i in np.flatnonzero(counts > 1)]
    return [*many, *([np.flatnonzero(single)] if single.any() else [])]
