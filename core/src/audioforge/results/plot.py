"""The figure of a run; imports matplotlib, and so is imported when somebody asks for one."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

INCHES = (9.0, 3.2)


class RunFigure(Figure):
    """A figure that a notebook shows without pyplot, which would hold it and show it twice."""

    def _repr_png_(self) -> bytes:
        """Return the figure as a notebook shows it."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def plot_run(summary: Mapping[str, Any]) -> RunFigure:
    """Return a figure of the metric that decides, and of the reward, by cycle.

    Args:
        summary: The content of `summary.json`.
    """
    figure = RunFigure(figsize=INCHES, layout="constrained")
    measured, rewarded = figure.subplots(1, 2)
    metric, rows = summary["metric"], [{"cycle": 0, **summary["base"]}, *summary["cycles"]]
    rows = [row for row in rows if row[metric] is not None]
    cycles = [row["cycle"] for row in rows]
    measured.plot(cycles, [row[metric] for row in rows], marker="o")
    low, high = ([row["ci95"][side] for row in rows] for side in (0, 1))
    measured.fill_between(cycles, low, high, alpha=0.2, label="95 % interval")
    best = summary["best"]
    measured.plot([best["cycle"]], [best[metric]], "k*", markersize=12, label="exported")
    direction = "higher" if summary["higher_is_better"] else "lower"
    measured.set(xlabel="cycle", ylabel=metric, title=f"held-out data ({direction} is better)")
    measured.legend()
    learnt = [row for row in summary["cycles"] if row["reward"] is not None]
    rewarded.errorbar(
        [row["cycle"] for row in learnt],
        [row["reward"] for row in learnt],
        yerr=[row["reward_std"] or 0.0 for row in learnt],
        marker="o",
        capsize=3,
    )
    rewarded.set(xlabel="cycle", ylabel="reward", title="mean, and spread within a clip")
    for axes in (measured, rewarded):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure
