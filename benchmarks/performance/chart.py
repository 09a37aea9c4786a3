"""The figures as a chart: a panel for each subject, a bar for each contestant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUBJECTS = ("rollout", "update", "cycle")
INK, PEERS = "#1f4e79", "#c9dcee"


def write_chart(path: Path, content: Mapping[str, Any]) -> None:
    """Draw the first row of every subject, the largest work of each.

    Args:
        path: The SVG file.
        content: As `Results.content` has it.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "audioforge"  # the same figures give the same file
    found = [subject for subject in SUBJECTS if content["measurements"].get(subject)]
    figure, axes = pyplot.subplots(
        1, max(1, len(found)), figsize=(4 * len(found), 2.8), layout="constrained", squeeze=False
    )
    for axis, subject in zip(axes[0], found, strict=False):
        _draw(axis, subject, content["measurements"][subject])
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _draw(axis: Any, subject: str, rows: Mapping[str, Any]) -> None:
    name, row = next(iter(rows.items()))
    names = list(row["values"])[::-1]
    values = [row["values"][n] for n in names]
    medians = [v["median"] for v in values]
    spread = [[v["median"] - v["min"] for v in values], [v["max"] - v["median"] for v in values]]
    colours = [INK if n.startswith("AudioForge") else PEERS for n in names]
    axis.barh(names, medians, xerr=spread, color=colours, error_kw={"ecolor": "#888888"})
    axis.set_title(f"{subject}: {name}", fontsize=9)
    axis.set_xlabel(row["unit"], fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
