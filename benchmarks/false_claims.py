"""How often a run says "improved", "confirmed" or "worse" of a model that is none of it.

Corpora are simulated under the null of each claim: utterances of 3 to 10 words, a base with a word
error rate of 30 % on average (speakers differ by 10 points, utterances by a gamma distribution),
Poisson errors, and six cycles whose models share part of their errors with the base and of their
speaker effects with each other. Below eight speakers speakers gain or lose, but these speakers
together do not; from eight on the mean over all speakers there could be is 0. What is exported is
chosen as a run chooses: the best of six cycles, then the best of six points on its line.

Compared are the intervals of AudioForge; percentiles over utterances, which know of no speakers;
and percentiles over speakers and then over the utterances of each. From the repository:

    python benchmarks/false_claims.py --processes 2
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from attrs import evolve, frozen

from audioforge import keyed_random
from audioforge.measuring.bootstrap import Interval, chosen_difference_interval, difference_interval
from audioforge.measuring.resampling import MANY_SPEAKERS, Resampling

BASE_RATE = 0.3
CYCLES = 6
POINTS = (0.25, 0.4, 0.5, 0.6, 0.75, 1.0)
COMMON = 0.6
"""Share of the base's errors that a model repeats, however it differs."""


@frozen
class Setting:
    """What is simulated.

    Attributes:
        speakers: Number of speakers.
        utterances: Utterances of each speaker; their mean where `uneven`.
        effect: Standard deviation of a model's effect on a speaker, in points.
        gain: True improvement, in points; 0 for the null.
        uneven: Whether some speakers have many more utterances than others.
        shared: Correlation of two cycles' effects on a speaker.
    """

    speakers: int
    utterances: int
    effect: float
    gain: float = 0.0
    uneven: bool = False
    shared: float = 0.8

    @property
    def generalises(self) -> bool:
        """Whether the claim is about speakers like these."""
        return self.speakers >= MANY_SPEAKERS


@frozen(eq=False)
class Corpus:
    """One simulated set: words and errors, per utterance.

    Attributes:
        speakers: The speaker of each utterance.
        words: Reference words.
        base: Errors of the base.
        exported: Errors of the points on the best cycle's line, then of the other cycles.
        other: Errors of one more model, which nothing chose.
    """

    speakers: list[str]
    words: np.ndarray
    base: np.ndarray
    exported: np.ndarray
    other: np.ndarray


class Utterances(Resampling):
    """Percentiles over utterances, whoever said them."""

    def __init__(self, speakers: Sequence[str | None]) -> None:
        """Forget the speakers."""
        super().__init__([None] * len(speakers))

    def tail(self, level: float) -> float:
        """Return the percentile itself."""
        return (1 - level) / 2


class SpeakersThenUtterances(Resampling):
    """Percentiles over speakers, and over the utterances of each that was drawn."""

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Keep utterances apart."""
        return values

    def draws(self, purpose: str) -> Iterator[np.ndarray]:
        """Yield how often each utterance is drawn."""
        draw = keyed_random.generator("utterances of speakers", purpose, len(self.unit_of))
        members = [np.flatnonzero(self.unit_of == unit) for unit in range(self.units)]
        for drawn in super().draws(purpose):
            counts = np.empty((len(drawn), len(self.unit_of)), dtype=np.int64)
            for unit, own in enumerate(members):
                times = drawn[:, unit] * len(own)
                counts[:, own] = draw.multinomial(times, np.full(len(own), 1 / len(own)))
            yield counts

    def tail(self, level: float) -> float:
        """Return the percentile itself."""
        return (1 - level) / 2


METHODS: dict[str, type[Resampling]] = {
    "now": Resampling,
    "utterances": Utterances,
    "two-stage": SpeakersThenUtterances,
}


def simulate(setting: Setting, number: int) -> Corpus:
    """Return one corpus; the same for the same arguments."""
    draw = keyed_random.generator("false claims", repr(setting), number)
    sizes = np.full(setting.speakers, setting.utterances)
    if setting.uneven:
        share = draw.lognormal(size=setting.speakers)
        sizes = np.maximum(1, np.round(share / share.sum() * sizes.sum())).astype(int)
    owner = np.repeat(np.arange(setting.speakers), sizes)
    words = draw.integers(3, 11, len(owner))
    rates = np.clip(draw.normal(BASE_RATE, 0.1, setting.speakers), 0.1, 0.5)
    expected = words * rates[owner] * draw.gamma(2, 0.5, len(owner))  # errors of the base
    common = draw.poisson(COMMON * expected)
    base = common + draw.poisson((1 - COMMON) * expected)

    def errors(change: np.ndarray) -> np.ndarray:
        """Errors of a model that changes the error rate of each speaker by a factor 1 + change."""
        factor = np.maximum(1 + change[owner], 0)
        kept = draw.binomial(common, np.minimum(factor, 1))
        more = draw.poisson(COMMON * expected * np.maximum(factor - 1, 0))
        others = draw.poisson((1 - COMMON) * expected * factor)
        total: np.ndarray = kept + more + others
        return total

    changes = _changes(setting, draw, sizes * rates)
    cycles = [errors(change) for change in changes[:CYCLES]]
    best = int(np.argmin([own.sum() for own in cycles]))
    line = [errors(point * changes[best]) for point in POINTS[:-1]]
    others = [own for cycle, own in enumerate(cycles) if cycle != best]
    names = [f"speaker-{i:03d}" for i in owner]
    exported = np.array([*line, cycles[best], *others], dtype=float)
    other = errors(changes[CYCLES]).astype(float)
    return Corpus(names, words.astype(float), base.astype(float), exported, other)


def _changes(setting: Setting, draw: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    """Return how each model changes each speaker's error rate, shape (models, speakers)."""
    size = (CYCLES + 1, setting.speakers)
    mixed = np.sqrt(setting.shared) * draw.normal(size=setting.speakers)
    mixed = mixed + np.sqrt(1 - setting.shared) * draw.normal(size=size)
    changes: np.ndarray = np.clip(setting.effect / 100 / BASE_RATE * mixed, -0.9, 0.9)
    if not setting.generalises:  # these speakers together neither gain nor lose
        changes -= (changes @ weight / weight.sum())[:, None]
    return changes - setting.gain / 100 / BASE_RATE


def claims(corpus: Corpus, resampling: Resampling) -> list[str]:
    """Return what would be claimed of a corpus: "improved", "confirmed", "worse"."""
    base = (corpus.base, corpus.words)
    exported = [(errors, corpus.words) for errors in corpus.exported]
    chosen = chosen_difference_interval(exported, base, resampling, higher_is_better=False)
    one: Interval = difference_interval((corpus.other, corpus.words), base, resampling)
    made = {"improved": chosen[1] < 0, "confirmed": one[1] < 0, "worse": one[0] > 0}
    return [claim for claim, is_made in made.items() if is_made]


def rates(setting: Setting, simulations: int, methods: Sequence[str]) -> dict[str, float]:
    """Return how often each claim is made, in percent, by "method claim".

    Args:
        setting: What is simulated.
        simulations: Number of corpora.
        methods: Names in `METHODS`.
    """
    counts: Counter[str] = Counter()
    for number in range(simulations):
        corpus = simulate(setting, number)
        for method in methods:
            made = claims(corpus, METHODS[method](corpus.speakers))
            counts.update(f"{method} {claim}" for claim in made)
    return {key: 100 * count / simulations for key, count in counts.items()}


NULLS = [
    *(Setting(speakers, n, 10) for speakers, n in [(1, 20), (1, 100), (2, 10), (2, 50)]),
    *(Setting(speakers, n, 10) for speakers, n in [(4, 5), (4, 25), (7, 3)]),
    Setting(4, 25, 10, uneven=True),
    *(Setting(s, n, sd) for sd in (5, 10) for s in (8, 10, 40) for n in (5, 25)),
    Setting(8, 25, 10, uneven=True),
    Setting(40, 25, 10, uneven=True),
]
GAINS = [Setting(s, n, 5, 10) for s, n in [(1, 40), (2, 20), (4, 10), (8, 5), (10, 10), (40, 5)]]
COLUMNS = [
    *(f"now {claim}" for claim in ("improved", "confirmed", "worse")),
    *(f"utterances {claim}" for claim in ("improved", "confirmed")),
    *(f"two-stage {claim}" for claim in ("improved", "confirmed")),
]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1200)
    parser.add_argument("--quick", action="store_true", help="40 simulations a row")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--shared", type=float, default=0.8, help="correlation between cycles")
    args = parser.parse_args()
    simulations, started = 40 if args.quick else args.simulations, time.perf_counter()
    for title, settings in (("no difference", NULLS), ("a true gain of 10 points", GAINS)):
        print(f"\n{title}: claims in % of {simulations} simulations\n")
        print(f"| speakers × utterances | effect | {' | '.join(COLUMNS)} |")
        print(f"| --- | ---: |{' ---: |' * len(COLUMNS)}")
        with ProcessPoolExecutor(args.processes) as pool:
            settings = [evolve(setting, shared=args.shared) for setting in settings]
            many = [simulations] * len(settings)
            for setting, row in zip(settings, pool.map(_all_rates, settings, many), strict=True):
                name = f"{setting.speakers} × {setting.utterances}{', uneven' * setting.uneven}"
                cells = " | ".join(f"{row[c]:.1f}" if c in row else "" for c in COLUMNS)
                print(f"| {name} | {setting.effect:g} | {cells} |", flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s")


def _all_rates(setting: Setting, simulations: int) -> dict[str, float]:
    methods = [m for m in METHODS if setting.generalises or m != "two-stage"]
    empty = {f"{m} {c}": 0.0 for m in methods for c in ("improved", "confirmed", "worse")}
    return empty | rates(setting, simulations, methods)


if __name__ == "__main__":
    main()
