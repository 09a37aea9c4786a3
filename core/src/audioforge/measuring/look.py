"""A bad rate looked at: pairs, and their errors under every normaliser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from attrs import frozen

from audioforge.measuring.rescoring import Counts, Pair, Rescorer
from audioforge.terminal.figures import percent

BAD = 0.1
"""Rate below which nothing needs to be explained."""
MOST = 0.5
"""Share of the errors that something must take away to explain them."""
MANY_POINTS = 0.1
"""Difference of rates that is worth a word, though it is not most of the errors."""
ALIKE = 0.01
"""Difference of rates within which the more advisable normaliser is named."""


@frozen(eq=False)
class Finding:
    """Something that explains a rate.

    Attributes:
        reason: In a word or two.
        sentence: With what to do.
        shown: How well each pair shows it; 0 where it does not.
    """

    reason: str
    sentence: str
    shown: np.ndarray


@frozen(eq=False)
class Look:
    """Pairs, and their errors under every normaliser.

    Attributes:
        rescorer: What scores them.
        pairs: The pairs.
        own: Their errors as the run counts them.
        others: Their errors under other normalisers, the most advisable first.
    """

    rescorer: Rescorer
    pairs: Sequence[Pair]
    own: Counts
    others: Mapping[str, Counts]

    @property
    def normalizer(self) -> str:
        """The run's own normaliser."""
        return self.rescorer.normalizer

    @property
    def own_rate(self) -> str:
        """The run's own rate, for people, of all clips or of how many."""
        return f"{self.own.title} {percent(self.own.rate)} with {self.normalizer}"

    @property
    def is_bad(self) -> bool:
        """Whether the rate is worth an explanation."""
        return (self.own.rate or 0) >= BAD

    def written(self, *ways: Callable[[str], str]) -> Counts:
        """Return the errors with both sides written in other ways, under the run's normaliser."""
        pairs = self.pairs
        for way in ways:
            pairs = [pair.written(way) for pair in pairs]
        counts = self.rescorer.counts(pairs, self.normalizer)
        return self.own if counts is None else counts

    def explains(self, counts: Counts) -> bool:
        """Whether counting in another way takes so many errors away that it explains them."""
        before, after = self.own.rate or 0.0, counts.rate
        if after is None or not self.is_bad:
            return False
        return after <= (1 - MOST) * before or before - after >= MANY_POINTS

    @property
    def best(self) -> tuple[str, Counts] | None:
        """The most advisable of the normalisers with the lowest rate, if it explains the errors."""
        rates = {name: c.rate for name, c in self.others.items() if c.rate is not None}
        near = [name for name, rate in rates.items() if rate <= min(rates.values()) + ALIKE]
        if not near or not self.explains(self.others[near[0]]):
            return None
        return near[0], self.others[near[0]]
