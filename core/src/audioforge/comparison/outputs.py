"""What a system said of a set, utterance by utterance, read from a file of predictions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np

from audioforge.errors import UsageError
from audioforge.files.json_lines import read_objects
from audioforge.measuring.corpus_metrics import MeasuredMetric, Parts
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation
from audioforge.sample import Problem
from audioforge.verifier import CorpusMetric

Lines = Mapping[str, Mapping[str, Any]]
"""Lines of predictions by the id of the sample."""

UNITS = ("numerator", "denominator")


def read_lines(path: Path) -> Lines:
    """Return the lines of a file of predictions.

    Raises:
        DatasetError: If it cannot be read.
        UsageError: If a line is no prediction, or two are of one sample.
    """
    lines: dict[str, Mapping[str, Any]] = {}
    for _, where, row in read_objects(path):
        if isinstance(row, Problem):
            raise UsageError(str(row))
        identity = row.get("id")
        if not isinstance(identity, str) or not _are_parts(row.get("measured", {})):
            raise UsageError(f"{where}: is no line that a run or audioforge benchmark writes")
        if identity in lines:
            raise UsageError(f"{where}: '{identity}' is there a second time; give each clip an id")
        lines[identity] = row
    return lines


def _are_parts(measured: object) -> bool:
    """Whether this is what `truth_of` writes: two finite numbers for each metric."""
    return isinstance(measured, dict) and all(
        isinstance(parts, list)
        and len(parts) == 2
        and all(isinstance(p, int | float) and math.isfinite(p) for p in parts)
        for parts in measured.values()
    )


def shared_ids(systems: Iterable[Lines]) -> list[str]:
    """Return the utterances that all have, with one reference, sorted."""
    first, *others = systems
    return sorted(
        identity
        for identity, line in first.items()
        if all(identity in o and o[identity].get("text") == line.get("text") for o in others)
    )


def metric_names(systems: Iterable[Lines]) -> Set[str]:
    """Return the corpus metrics that each system has of some utterance."""
    named = [
        {name for line in lines.values() for name in line.get("measured", {})} for lines in systems
    ]
    return set.intersection(*named)


def evaluation_of(
    seeds: Sequence[Lines], ids: Sequence[str], metric: str, *, higher_is_better: bool
) -> Evaluation:
    """Return an evaluation of one corpus metric, as the run made it.

    Of several seeds it is that of their mean: what an utterance adds is averaged.

    Args:
        seeds: The lines of each.
        ids: The utterances that are measured.
        metric: Name of the corpus metric.
        higher_is_better: Whether more of it is better.
    """
    measured = CorpusMetric(metric, UNITS[:1], UNITS[1], higher_is_better=higher_is_better)
    items = [
        EvaluatedItem(
            dict(seeds[0][i]),
            {} if parts is None else {metric: dict(zip(UNITS, parts, strict=True))},
            0.0,
        )
        for i in ids
        for parts in [mean_parts(seeds, i, metric)]
    ]
    return Evaluation("", items, {metric: MeasuredMetric(metric, measured)}, 0.0)


def mean_parts(seeds: Sequence[Lines], identity: str, metric: str) -> Parts | None:
    """Return what an utterance adds to a metric in the mean over seeds; None if one has nothing."""
    parts = [lines[identity].get("measured", {}).get(metric) for lines in seeds]
    if any(part is None for part in parts):
        return None
    numerator, denominator = np.mean(parts, axis=0)
    return float(numerator), float(denominator)
