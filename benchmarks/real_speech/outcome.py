"""What `summary.json` of a run says of what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.run.folder import RunFolder
from audioforge.terminal.figures import percent, point_interval
from real_speech.arms import Arm


def best_trained(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry of the cycle that did best on the held-out clips, exported or not."""
    choice = summary["best"] if summary["improved"] else summary["best"]["rejected"]
    entry: Mapping[str, Any] = summary["cycles"][choice["cycle"] - 1]
    return entry


def checkpoint(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Return the weights of that cycle."""
    return RunFolder(folder).checkpoint(best_trained(summary)["cycle"])


def seconds(summary: Mapping[str, Any]) -> float:
    """Return the seconds of a run's cycles; those of a run that was resumed are all counted."""
    return sum(sum(cycle["seconds"].values()) for cycle in summary["cycles"])


def line(arm: Arm, seed: int, summary: Mapping[str, Any]) -> str:
    """Return what a run came to, on one line."""
    metric, best = summary["metric"], best_trained(summary)
    return (
        f"{arm.name} [{' then '.join(arm.stages)}] seed {seed}: {metric} "
        f"{percent(summary['base'][metric])} → {percent(best[metric])} with cycle {best['cycle']} "
        f"({point_interval(*best['difference_ci95'])} points), "
        f"{'exported' if summary['improved'] else 'not exported'}, {seconds(summary):.0f} s"
    )
