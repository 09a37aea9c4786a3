"""The figure of a run, by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audioforge.results.frames import needed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = (9.0, 3.2)


def plot_run(summary: Mapping[str, Any]) -> Figure:
    """Return a figure of the metric that decides, and of the reward, by cycle.

    Args:
        summary: The content of `summary.json`.

    Raises:
        UsageError: If matplotlib is not installed.
    """
    # A figure of its own: pyplot would hold it, and show it a second time in a notebook.
    figure: Figure = needed("matplotlib.figure", "plot").Figure(
        figsize=INCHES, layout="constrained"
    )
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
    measured.set(xlabel="cycle", ylabel=f"{metric} on held-out data ({direction} is better)")
    measured.legend()
    learnt = [row for row in summary["cycles"] if row["reward"] is not None]
    rewarded.errorbar(
        [row["cycle"] for row in learnt],
        [row["reward"] for row in learnt],
        yerr=[row["reward_std"] or 0.0 for row in learnt],
        marker="o",
        capsize=3,
    )
    rewarded.set(xlabel="cycle", ylabel="reward, mean over hypotheses; spread within a clip")
    for axes in (measured, rewarded):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure
