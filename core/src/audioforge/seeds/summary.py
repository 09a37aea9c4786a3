"""What the runs of several seeds came to: each one's line, mean and spread."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.results.shown import Shown, ShowsItself
from audioforge.terminal.figures import percent, point_interval

FIGURES = ("base", "exported", "difference", "trained", "test_base", "test")
"""Of each run, what is averaged."""


class GroupSummary(ShowsItself):
    """The results of a group of runs; rates are fractions, differences are "exported minus base".

    Args:
        root: The folder of the group.
        results: What `summary.json` of the run of each seed holds.
        is_main: Whether this process is the one that speaks.
    """

    def __init__(
        self,
        root: Path,
        results: Mapping[int, Mapping[str, Any]],
        *,
        is_main: bool,
    ) -> None:
        """Take the runs together."""
        self.root, self.is_main = root, is_main
        self._first = next(iter(results.values()))
        self.metric = str(self._first["metric"])
        self.runs = [self._row(seed, run) for seed, run in results.items()]

    def _row(self, seed: int, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is told of one run."""
        best, test, metric = run["best"], run["test"], self.metric
        trained = best if run["improved"] else best["rejected"]
        return {
            "seed": seed,
            "folder": f"seed-{seed}",
            "base": run["base"][metric],
            "exported": best[metric],
            "difference": best[metric] - run["base"][metric],
            "difference_ci95": best["difference_ci95"],
            "improved": run["improved"],
            "cycle": best["cycle"],
            "interpolation": best["interpolation"],
            "trained": trained and trained[metric],
            "test_base": test and test["base"][metric],
            "test": test and test["best"][metric],
            "base_runaway": run["base"]["runaway"],
            "exported_runaway": best["runaway"],
            "cycles": len(run["cycles"]),
            "stopped_early": run["stopped_early"],
            "seconds": run["seconds"],
        }

    def _over(self, figure: str) -> list[float]:
        return [run[figure] for run in self.runs if run[figure] is not None]

    @property
    def mean(self) -> dict[str, float | None]:
        """The mean over the seeds of each figure; None where no run has it."""
        return {f: statistics.fmean(v) if (v := self._over(f)) else None for f in FIGURES}

    @property
    def spread(self) -> dict[str, float | None]:
        """The standard deviation between seeds (n − 1) of each figure; None of fewer than two."""
        return {f: statistics.stdev(v) if len(v := self._over(f)) > 1 else None for f in FIGURES}

    def as_mapping(self) -> dict[str, Any]:
        """Return the content of the group's `summary.json`."""
        shared = ("task", "model", "parent", "dataset", "eval_dataset", "selection", "normalizer")
        return {
            "seeds": [run["seed"] for run in self.runs],
            "metric": self.metric,
            "higher_is_better": self._first["higher_is_better"],
            **{key: self._first[key] for key in shared},
            "decoding": self._first["base"]["decoding"],
            "mean": self.mean,
            "spread": self.spread,
            "improved": sum(run["improved"] for run in self.runs),
            "runs": self.runs,
            "seconds": sum(run["seconds"] for run in self.runs),
        }

    def shown(self) -> Shown:
        """Return the table of the seeds and the conclusion."""
        return Shown(self.columns, self.rows, [self.conclusion])

    @property
    def columns(self) -> list[str]:
        """Heads of the final table."""
        heads = ["seed", f"{self.metric}: base", "trained", "exported", "difference, points, 95 %"]
        tests = ["test: base", "exported"] if self._over("test") else []
        return [*heads, "run-away clips", *tests, "from"]

    @property
    def rows(self) -> list[list[str]]:
        """Rows of the final table: every seed, their mean and their spread."""
        tests = ("test_base", "test") if self._over("test") else ()
        figures = ("base", "trained", "exported")
        table = []
        for run in self.runs:
            source = f"cycle {run['cycle']} of {run['cycles']}" if run["improved"] else "base"
            values = [percent(run[figure]) for figure in figures]
            difference = point_interval(*run["difference_ci95"])
            tested = [percent(run[figure]) for figure in tests]
            runaway = f"{run['base_runaway']} → {run['exported_runaway']}"
            table.append([str(run["seed"]), *values, difference, runaway, *tested, source])
        for name, row in (("mean", self.mean), ("± between seeds", self.spread)):
            values = [percent(row[figure], digits=2) for figure in figures]
            change = row["difference"]
            difference = "" if change is None else f"{100 * change:{'+' * (name == 'mean')}.2f}"
            tested = [percent(row[figure], digits=2) for figure in tests]
            table.append([name, *values, difference, "", *tested, ""])
        return table

    @property
    def conclusion(self) -> str:
        """One honest sentence about the group."""
        mean, spread, count = self.mean, self.spread["exported"], len(self.runs)
        improved = sum(run["improved"] for run in self.runs)
        around = "" if spread is None else f" ± {100 * spread:.1f} points between seeds"
        return (
            f"{improved} of {count} seeds improved: held-out {self.metric} "
            f"{percent(mean['base'])} → {percent(mean['exported'])} in the mean{around}, "
            f"{self._first['base']['decoding']}. "
            f"{self.root / 'summary.json'} has each."
        )
