"""Confidence intervals of corpus metrics by resampling.

A corpus metric is a ratio of sums over utterances, so utterances, or the speakers who said them,
are resampled with replacement and the ratio is taken anew (Bisani and Ney 2004, "Bootstrap
estimates for confidence intervals in ASR performance evaluation"). For a difference of two systems
the same utterances are resampled in both (paired). Intervals are percentiles of 2,000 resamples,
from a fixed seed; what is drawn, and which percentiles are taken, `resampling` says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audioforge.measuring.resampling import Resampling

Interval = tuple[float, float]


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
    numerator: np.ndarray,
    base_numerator: np.ndarray,
    denominator: np.ndarray,
    resampling: Resampling | None = None,
    *,
    level: float = 0.95,
) -> Interval:
    """Return the paired interval of a system's ratio minus the base's, on the same utterances."""
    return _interval(numerator - base_numerator, denominator, "difference", resampling, level)


def chosen_difference_interval(
    candidates: Sequence[np.ndarray],
    base_numerator: np.ndarray,
    denominator: np.ndarray,
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
    claims what is not there, docs/training.md has by simulation (benchmarks/false_claims.py).

    Args:
        candidates: The numerators of each system that could have been chosen, shape (n,) each.
        base_numerator: The base's numerators, shape (n,).
        denominator: The denominators that all systems share, shape (n,).
        resampling: How the utterances are drawn; None where nothing is known of their speakers.
        higher_is_better: Which way the choice goes.
        level: Confidence level, such as 0.95.
    """
    resampling = resampling or _of_utterances(denominator)
    differences = []
    table = resampling.totals(np.stack(candidates))  # (systems, units)
    gains = table - resampling.totals(base_numerator)
    denominators = resampling.totals(denominator)
    for choosing, measuring in zip(
        resampling.draws("choice"), resampling.draws("difference"), strict=True
    ):
        totals = choosing @ table.T  # (resamples, systems)
        chosen = totals.argmax(axis=1) if higher_is_better else totals.argmin(axis=1)
        gained = (measuring @ gains.T)[np.arange(len(chosen)), chosen]
        differences.append(_divide(gained, measuring @ denominators))
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


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    # A resample whose references are all empty has no ratio; it takes no part.
    usable = denominator > 0
    ratios: np.ndarray = numerator[usable] / denominator[usable]
    return ratios


def _percentiles(resampled: Sequence[np.ndarray], tail: float) -> Interval:
    """Return what leaves a share `tail` of the resamples below, and above."""
    values = np.concatenate(resampled)
    if not len(values):
        raise ValueError("a ratio without a denominator has no interval")
    low, high = np.percentile(values, [100 * tail, 100 - 100 * tail])
    return float(low), float(high)
