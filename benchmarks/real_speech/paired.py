"""What was measured of a model with several seeds, and how it compares with another.

An interval is that of the mean over seeds: what an utterance adds is averaged over the seeds, and
speakers are drawn, the same on both sides. So it says what chance in the choice of speakers does;
the spread between seeds says what chance in training does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from attrs import frozen

from audioforge.measuring.bootstrap import Ratio, difference_interval, ratio_interval
from audioforge.measuring.resampling import Resampling
from real_speech.kept import record_of
from real_speech.plan import Setup

ERRORS = ("wer", "wer_without_runaway", "runaway")
"""Metrics that count errors; others count what is right."""


Style = dict[str, float]
TRAITS = ("capitals", "punctuation")


@frozen(eq=False)
class Measured:
    """One metric on one or more sets taken together.

    Attributes:
        metric: Its name.
        seeds: Of each seed numerator and denominator, arrays over utterances.
        ids: The utterances.
        speakers: Who says each.
        styles: Of each seed, in which part of the outputs capitals and punctuation are.
    """

    metric: str
    seeds: list[Ratio]
    ids: list[str]
    speakers: list[str | None]
    styles: list[Style]

    @classmethod
    def read(
        cls, folders: Sequence[Path], sets: Sequence[str], metric: str, setup: Setup
    ) -> Measured | None:
        """Return what was measured of the seeds; None where none has the metric on every set.

        Args:
            folders: Where the measurements of each seed are, or were.
            sets: The sets that are taken together.
            metric: The metric.
            setup: Where OUT is, and what is kept.

        Raises:
            ValueError: If the seeds were measured on other utterances.
        """
        found = [
            records for folder in folders if (records := _records(folder, sets, metric, setup))
        ]
        if not found:
            return None
        ids = [[name for record in records for name in record["ids"]] for records in found]
        if any(other != ids[0] for other in ids):
            raise ValueError(f"{folders[0].parent}: not all seeds were measured on the same clips")
        return cls(
            metric,
            [_parts(records, metric) for records in found],
            ids[0],
            [name for record in found[0] for name in record["speakers"]],
            [_style(records) for records in found],
        )

    @property
    def mean(self) -> Ratio:
        """Numerator and denominator averaged over the seeds."""
        numerators, denominators = zip(*self.seeds, strict=True)
        return np.mean(numerators, axis=0), np.mean(denominators, axis=0)

    def as_mapping(self) -> dict[str, Any]:
        """Return the value of each seed, mean and spread, and what they are of."""
        values = [_value(seed) for seed in self.seeds]
        resampling = Resampling(self.speakers)
        return {
            "values": values,
            **spread(values),
            "ci95": list(ratio_interval(*self.mean, resampling)),
            "n": len(self.ids),
            "interval": resampling.as_mapping(),
            "style": {
                trait: fmean(style[trait] for style in self.styles)
                for trait in TRAITS
                if all(trait in style for style in self.styles)
            },
        }

    def against(self, other: Measured) -> dict[str, Any]:
        """Return this mean minus another's, paired; and by which part there are fewer errors.

        Raises:
            ValueError: If the other was measured on other utterances.
        """
        if self.ids != other.ids:
            raise ValueError("what is compared was not measured on the same clips")
        value, before = _value(self.mean), _value(other.mean)
        wrong = (value, before) if self.metric in ERRORS else (1 - value, 1 - before)
        interval = difference_interval(self.mean, other.mean, Resampling(self.speakers))
        return {
            "difference": value - before,
            "difference_ci95": list(interval),
            "errors": wrong[0] / wrong[1] - 1 if wrong[1] else None,
        }


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Return the mean over seeds, and the standard deviation between them (n − 1)."""
    return {"mean": fmean(values), "spread": stdev(values) if len(values) > 1 else None}


def _records(folder: Path, sets: Sequence[str], metric: str, setup: Setup) -> list[dict[str, Any]]:
    """Return the measurements of a seed; none unless each of the sets has the metric."""
    found = [record_of(folder / f"{name}.json", setup) for name in sets]
    records = [record for record in found if record is not None and metric in record["parts"]]
    return records if len(records) == len(sets) else []


def _parts(records: Sequence[dict[str, Any]], metric: str) -> Ratio:
    numerator, denominator = (
        np.concatenate([record["parts"][metric][side] for record in records]) for side in (0, 1)
    )
    return numerator, denominator


def _style(records: Sequence[dict[str, Any]]) -> Style:
    """Return the style of the outputs of all sets; a share that one does not state is missing."""
    stated = [(record["result"]["n"], record["result"].get("style", {})) for record in records]
    return {
        trait: sum(clips * style[trait] for clips, style in stated) / sum(n for n, _ in stated)
        for trait in TRAITS
        if all(style.get(trait) is not None for _, style in stated)
    }


def _value(ratio: Ratio) -> float:
    return float(ratio[0].sum() / ratio[1].sum())
