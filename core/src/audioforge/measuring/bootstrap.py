"""Confidence intervals of corpus metrics by resampling.

A corpus metric is a ratio of sums over utterances, so utterances, or the speakers who said them,
are resampled with replacement and the ratio is taken anew (Bisani and Ney 2004, "Bootstrap
estimates for confidence intervals in ASR performance evaluation"). For a difference of two systems
the same utterances are resampled in both (paired). Each system has a denominator of its own: that
of a precision is what the system said. Intervals are percentiles of 2,000 resamples, from a fixed
seed; what is drawn, and which percentiles are taken, `resampling` says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audioforge.measuring.resampling import Resampling

Interval = tuple[float, float]

Ratio = tuple[np.ndarray, np.ndarray]
"""A system's numerator and denominator of each utterance, shape (n,) each."""


def ratio_interval(
    numerator: np.ndarray,
    denominator: np.ndarray,
    resampling: Resampling | None = None,
    *,
    level: float = 0.95,
) -> Interval:
    """Return the interval of Σ numerator / Σ denominator.

    Args:
        numerator: Numerator of each utterance, shape (n,).
        denominator: Denominator of each utterance, shape (n,).
        resampling: How the utterances are drawn; None where nothing is known of their speakers.
        level: Confidence level, such as 0.95.

    Raises:
        ValueError: If the denominator is 0 everywhere.
    """
    return _interval(numerator, denominator, "ratio", resampling, level)


def difference_interval(
    system: Ratio,
    base: Ratio,
    resampling: Resampling | None = None,
    *,
    level: float = 0.95,
) -> Interval:
    """Return the paired interval of a system's ratio minus the base's, on the same utterances."""
    resampling = resampling or _of_utterances(base[1])
    own, other = _totals([system], resampling), _totals([base], resampling)
    differences = [_differences(counts, own, other)[0] for counts in resampling.draws("difference")]
    return _percentiles(differences, resampling.tail(level))


def chosen_difference_interval(
    candidates: Sequence[Ratio],
    base: Ratio,
    resampling: Resampling | None = None,
    *,
    higher_is_better: bool,
    level: float = 0.95,
) -> Interval:
    """Return the interval of the difference when the best of several systems is reported.

    Reporting the best of several on the data that chose it flatters it. So the choice is repeated
    in each resample, and the difference of what it chose is measured on a second, independent
    resample, so that the luck that made a choice does not enter its own measurement. Both resamples
    come from the same utterances, which damps the flattery without removing it; how often it still
    claims what is not there, docs/confidence-intervals.md has by simulation
    (benchmarks/false_claims.py).

    Args:
        candidates: Each system that could have been chosen.
        base: The base.
        resampling: How the utterances are drawn; None where nothing is known of their speakers.
        higher_is_better: Which way the choice goes.
        level: Confidence level, such as 0.95.
    """
    resampling = resampling or _of_utterances(base[1])
    own, other = _totals(candidates, resampling), _totals([base], resampling)
    worst = -np.inf if higher_is_better else np.inf
    differences = []
    for choosing, measuring in zip(
        resampling.draws("choice"), resampling.draws("difference"), strict=True
    ):
        values = np.nan_to_num(_ratios(choosing, own), nan=worst)
        chosen = values.argmax(axis=0) if higher_is_better else values.argmin(axis=0)
        gained = _differences(measuring, own, other)
        differences.append(gained[chosen, np.arange(len(chosen))])
    return _percentiles(differences, resampling.tail(level))


def _interval(
    numerator: np.ndarray,
    denominator: np.ndarray,
    purpose: str,
    resampling: Resampling | None,
    level: float,
) -> Interval:
    resampling = resampling or _of_utterances(denominator)
    numerators, denominators = resampling.totals(numerator), resampling.totals(denominator)
    ratios = [
        _divide(counts @ numerators, counts @ denominators) for counts in resampling.draws(purpose)
    ]
    return _percentiles(ratios, resampling.tail(level))


def _of_utterances(values: np.ndarray) -> Resampling:
    return Resampling([None] * len(values))


def _totals(systems: Sequence[Ratio], resampling: Resampling) -> Ratio:
    """Return numerators and denominators of the units that are drawn, shape (systems, units)."""
    numerators, denominators = (np.stack(parts) for parts in zip(*systems, strict=True))
    return resampling.totals(numerators), resampling.totals(denominators)


def _ratios(counts: np.ndarray, systems: Ratio) -> np.ndarray:
    """Return the ratio of each system in each resample, NaN where there is none."""
    return _divide(*(totals @ counts.T for totals in systems))


def _differences(counts: np.ndarray, systems: Ratio, base: Ratio) -> np.ndarray:
    """Return the difference of each system to the base in each resample."""
    differences: np.ndarray = _ratios(counts, systems) - _ratios(counts, base)
    return differences


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    # A resample whose references are all empty has no ratio; it takes no part.
    nothing = np.full(np.shape(numerator), np.nan)
    ratios: np.ndarray = np.divide(numerator, denominator, out=nothing, where=denominator > 0)
    return ratios


def _percentiles(resampled: Sequence[np.ndarray], tail: float) -> Interval:
    """Return what leaves a share `tail` of the resamples below, and above."""
    values = np.concatenate(resampled)
    values = values[~np.isnan(values)]
    if not len(values):
        raise ValueError("a ratio without a denominator has no interval")
    low, high = np.percentile(values, [100 * tail, 100 - 100 * tail])
    return float(low), float(high)
