"""Measurements, one after the other, each written down as soon as it is done."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

from performance.machine import revision
from performance.report import figure
from performance.results import Results
from performance.subjects import Measurement
from performance.timing import Figures, median


def measure(results: Results, planned: Sequence[Measurement], *, resume: bool) -> None:
    """Make measurements, and tell how far they are.

    Args:
        results: Where they are written.
        planned: In their order.
        resume: Whether to leave out what this commit has measured already; otherwise the subjects
            are begun anew.
    """
    commit = revision()
    for subject in () if resume else {measurement.subject for measurement in planned}:
        results.forget(subject)
    for number, measurement in enumerate(planned, 1):
        head = f"[{number}/{len(planned)}] {measurement.subject}: {measurement.name}"
        if resume and results.has(measurement, commit):
            print(f"{head}: done before", flush=True)
            continue
        print(head, flush=True)
        started = time.monotonic()
        figures = measurement.measure()
        results.add(measurement, figures, commit)
        print(f"    {_line(figures)} [{time.monotonic() - started:.0f} s]", flush=True)


def quiet() -> None:
    """Keep warnings about how models are called out of the progress."""
    from transformers.utils import logging

    warnings.simplefilter("ignore", FutureWarning)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _line(figures: Figures) -> str:
    parts = [f"{name} {figure(median(turns))}" for name, turns in figures.values.items()]
    parts += [f"{name}: not measured, {why}" for name, why in figures.missing.items()]
    return f"{figures.unit}: {'; '.join(parts)}"
