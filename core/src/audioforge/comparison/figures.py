"""The metrics of what is compared, and the differences of every two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from audioforge.comparison.entry import HELD_OUT, Entry
from audioforge.comparison.outputs import evaluation_of
from audioforge.measuring.bootstrap import Interval, difference_interval
from audioforge.measuring.enough_utterances import FEWEST
from audioforge.measuring.evaluation import Evaluation, paired


@frozen(eq=False)
class Figure:
    """A corpus metric of one model.

    Attributes:
        value: The metric, as a fraction; None where it could not be measured.
        interval: Its 95 % interval; None likewise.
        n: On how many utterances it was measured.
    """

    value: float | None
    interval: Interval | None
    n: int

    def as_mapping(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        bounds = None if self.interval is None else list(self.interval)
        return {"value": self.value, "ci95": bounds, "n": self.n}


@frozen(eq=False)
class Difference:
    """By how much two models differ on the same utterances.

    Attributes:
        value: The metric of the first minus that of the second.
        interval: Its 95 % interval.
        drawn: Utterances that it is drawn from.
        resampled: What was drawn, as results hold it.
    """

    value: float
    interval: Interval
    drawn: int
    resampled: Mapping[str, Any]

    @property
    def is_told(self) -> bool:
        """Whether it lies outside of chance, on enough utterances to tell."""
        low, high = self.interval
        return self.drawn >= FEWEST and (low > 0 or high < 0)

    def as_mapping(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return {
            "difference": self.value,
            "difference_ci95": list(self.interval),
            "interval": dict(self.resampled),
            "n": self.drawn,
            "outside_interval": self.is_told,
        }


@frozen(eq=False)
class Figures:
    """What one entry measures on the shared utterances.

    Attributes:
        name: Name of the entry.
        base: The metrics of the untouched model; empty where there is none.
        exported: The metrics of the exported model; the one that decides comes first.
        gain: The exported model against the base; None where there is none.
        evaluation: The exported model's evaluation by the metric that decides.
    """

    name: str
    base: Mapping[str, Figure]
    exported: Mapping[str, Figure]
    gain: Difference | None
    evaluation: Evaluation

    def as_mapping(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return {
            "base": {name: figure.as_mapping() for name, figure in self.base.items()} or None,
            "exported": {name: figure.as_mapping() for name, figure in self.exported.items()},
            "exported_minus_base": self.gain and self.gain.as_mapping(),
        }


@frozen(eq=False)
class Pair:
    """A model of each of two entries.

    Attributes:
        first: Name of one.
        second: Name of the other.
        difference: The first minus the second; None where no utterance was measured in both.
    """

    first: str
    second: str
    difference: Difference | None

    @property
    def is_equal(self) -> bool:
        """Whether there is no difference on any draw."""
        return self.difference is not None and self.difference.interval == (0.0, 0.0)

    def as_mapping(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        told = {} if self.difference is None else self.difference.as_mapping()
        return {"first": self.first, "second": self.second, **told}


def figures_of(entry: Entry, which: str, ids: Sequence[str], metrics: Sequence[str]) -> Figures:
    """Measure an entry.

    Args:
        entry: The entry.
        which: The set.
        ids: The utterances that all entries have.
        metrics: The corpus metrics; the first decides.
    """
    outputs, higher = entry.sets[which], entry.higher_is_better
    base, exported = (
        {m: evaluation_of(seeds, ids, m, higher_is_better=higher) for m in metrics} if seeds else {}
        for seeds in (outputs.base, outputs.exported)
    )
    decides = metrics[0]
    gain = difference(exported[decides], base[decides]) if base else None
    if gain is not None and which == HELD_OUT and entry.kind == "run":
        gain = _as_the_run_has_it(gain, entry, decides, len(ids))
    return Figures(
        entry.name,
        {name: _figure(evaluation) for name, evaluation in base.items()},
        {name: _figure(evaluation) for name, evaluation in exported.items()},
        gain,
        exported[decides],
    )


def difference(system: Evaluation, other: Evaluation) -> Difference | None:
    """Return one minus the other; None where nothing was measured in both."""
    (own, base), resampling = paired([system, other])
    if not own[1].sum() or not base[1].sum():
        return None
    value = float(own[0].sum() / own[1].sum() - base[0].sum() / base[1].sum())
    interval = difference_interval(own, base, resampling)
    return Difference(value, interval, len(own[0]), resampling.as_mapping())


def _as_the_run_has_it(gain: Difference, entry: Entry, metric: str, n: int) -> Difference:
    """Return the gain with the run's own interval, which knows among how many models it chose.

    It is of the same thing only where the metric, the normaliser and the utterances are the run's.
    """
    summary = entry.summaries[0]
    measured = summary["metric"], summary["normalizer"], summary["base"]["n"]
    if not summary["improved"] or measured != (metric, entry.normalizer, n):
        return gain
    low, high = summary["best"]["difference_ci95"]
    return Difference(gain.value, (low, high), gain.drawn, summary["best"]["interval"])


def _figure(evaluation: Evaluation) -> Figure:
    value = evaluation.value()
    return Figure(value, None if value is None else evaluation.interval, evaluation.measured)
