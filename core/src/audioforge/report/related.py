"""Runs that stand beside a run: seeds and controls of the same group folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audioforge.errors import UsageError
from audioforge.report.record import RunRecord

SAME = (
    "task",
    "model_name",
    "dataset",
    "eval_dataset",
    "metric",
    "normalizer",
    "limit",
    "num_cycles",
)
"""Settings that runs share which can stand beside each other; they differ in what is learnt."""
MOST = 24
"""Runs that are found by themselves."""


def related(record: RunRecord, given: Sequence[Path]) -> list[RunRecord]:
    """Return the runs to compare with: those that were named, then those of the same folder.

    Args:
        record: The run.
        given: Folders that were named.

    Raises:
        UsageError: If there is no run in a folder that was named.
    """
    named = [RunRecord.read(folder) for folder in given]
    found = []
    for folder in _beside(record.root):
        try:
            other = RunRecord.read(folder)
        except UsageError:  # nobody asked for it
            continue
        if all(other.settings.get(key) == record.settings.get(key) for key in SAME):
            found.append(other)
    roots = {record.root: record} | {other.root: other for other in [*named, *found[:MOST]]}
    return [other for root, other in roots.items() if root != record.root]


def _beside(root: Path) -> list[Path]:
    """Return folders of runs beside a run's own."""
    try:
        return sorted(
            p for p in root.parent.iterdir() if p != root and (p / "config.yaml").is_file()
        )
    except OSError:  # a folder above that may not be read
        return []
