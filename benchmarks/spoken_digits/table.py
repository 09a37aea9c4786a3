"""What was heard, system by system, with intervals by text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from audioforge.keyed_random import generator
from spoken_digits.hearing import Measured

RESAMPLES = 2000
HEADS = {
    "right": ("words heard right, %", 100),
    "pitch": ("pitch, semitones", 1),
    "pace": ("letters a second", 1),
    "similarity": ("similarity", 1),
}
"""Of each measure: its column, and what it is multiplied by."""


@frozen
class System:
    """One row: what a model says, once for each seed."""

    name: str
    seeds: tuple[Measured, ...]

    def mean(self, measure: str) -> float | None:
        """Return the mean over texts and seeds, or None where it is known of no text."""
        known = list(self.by_text(measure).values())
        return float(np.mean(known)) if known else None

    def by_text(self, measure: str) -> dict[str, float]:
        """Return the mean over seeds of each text; of those of which it is known."""
        found = {}
        for text in self.seeds[0]:
            values = [own[text][measure] for own in self.seeds if measure in own[text]]
            if values:
                found[text] = float(np.mean(values))
        return found


def table(systems: Sequence[System], speaker: str, seeds: int) -> str:
    """Return the table in Markdown; the first system is what the others are compared with.

    An interval is that of the difference to the first, by resampling texts.
    """
    base, texts = systems[0], len(systems[0].seeds[0])
    heads = [head for head, _ in HEADS.values()]
    lines = [
        f"{texts} texts, {speaker}; {seeds} seed{'s' if seeds > 1 else ''} of a run. In brackets "
        "the difference to the base's single draw, 95 %, by text.",
        "",
        f"| | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * len(heads)}",
    ]
    for system in systems:
        cells = [_cell(system, base, measure) for measure in HEADS]
        lines.append(f"| {system.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(system: System, base: System, measure: str) -> str:
    times = HEADS[measure][1]
    places = 1 if times > 1 else 2
    mean = system.mean(measure)
    if mean is None:
        return "–"
    shown = f"{times * mean:.{places}f}"
    apart = None if system is base else difference(system, base, measure)
    if apart is None:
        return shown
    low, high = (times * end for end in apart)
    return f"{shown} ({low:+.{places}f} to {high:+.{places}f})"


def difference(one: System, other: System, measure: str) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean difference of two systems, paired by text.

    None where no text is known of both.
    """
    first, second = one.by_text(measure), other.by_text(measure)
    both = sorted(first.keys() & second.keys())
    if not both:
        return None
    gaps = np.array([first[text] - second[text] for text in both])
    chosen = generator("voice", measure).integers(0, len(gaps), (RESAMPLES, len(gaps)))
    low, high = np.percentile(gaps[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
