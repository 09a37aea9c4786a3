"""What a run came to, as Python hands it over, whether it has just ended or was read again."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioforge.errors import UsageError
from audioforge.results.frames import flat, frame, needed
from audioforge.results.lines import Lines, RolloutLines
from audioforge.results.shown import Shown, ShowsItself
from audioforge.terminal.figures import decimal, percent, percent_interval, point_interval
from audioforge.terminal.runaway_rates import runaway_cell

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class RunResults(ShowsItself):
    """The result of a run; a table to people."""

    @property
    @abstractmethod
    def root(self) -> Path:
        """The run folder."""

    @abstractmethod
    def as_mapping(self) -> dict[str, Any]:
        """Return the content of `summary.json`; docs/run-folder.md says what its keys mean."""

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row for the base (cycle 0) and for each cycle; needs pandas.

        Rates are fractions, seconds are seconds; an interval is two columns, as `ci95.low`.
        """
        summary = self.as_mapping()
        rows = [{"cycle": 0, **summary["base"]}, *summary["cycles"]]
        return frame(map(flat, rows), "to_frame")

    def rollouts(self, cycle: int) -> RolloutLines:
        """Return the rollouts of a cycle, read from its files when they are gone through.

        Args:
            cycle: The cycle, from 1.

        Raises:
            UsageError: If there is no such cycle.
        """
        return RolloutLines(f"rollouts of cycle {cycle}", self._files(cycle, "rollouts-*.jsonl"))

    def predictions(self, cycle: int) -> Lines:
        """Return the greedy outputs on the held-out set after a cycle; 0 is the base.

        Raises:
            UsageError: If there is no such cycle.
        """
        return Lines(f"predictions of cycle {cycle}", self._files(cycle, "predictions.jsonl"))

    def steps(self, cycle: int) -> Lines:
        """Return loss, gradient norm and learning rate of each step of a cycle's update.

        Raises:
            UsageError: If there is no such cycle.
        """
        return Lines(f"steps of cycle {cycle}", self._files(cycle, "steps.jsonl"))

    def plot(self) -> Figure:
        """Return a figure: the metric that decides by cycle with its 95 % interval, and the reward.

        Needs matplotlib. A notebook shows the figure; `figure.savefig(path)` writes it.
        """
        needed("matplotlib.figure", "plot")
        from audioforge.results.plot import plot_run

        return plot_run(self.as_mapping())

    def shown(self) -> Shown:
        """Return a row for the base and each cycle, and what was exported."""
        return summary_table(self.as_mapping())

    def _files(self, cycle: int, pattern: str) -> list[Path]:
        files = sorted((self.root / f"cycle-{cycle:02d}").glob(pattern))
        if not files:
            name = pattern.partition(".")[0].rstrip("-*")
            raise UsageError(f"{self.root}: cycle {cycle} has no {name}")
        return files


class FinishedRun(RunResults):
    """The result of an earlier run.

    Args:
        folder: The run folder.

    Raises:
        UsageError: If there is no finished run in it.
    """

    def __init__(self, folder: str | Path) -> None:
        """Read `summary.json`."""
        self._root = Path(folder).absolute()
        path = self._root / "summary.json"
        try:
            self._summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            begun = (self._root / "config.yaml").is_file()
            why = "the run in it is not finished" if begun else "there is no run in it"
            raise UsageError(f"{folder}: {why} (no summary.json)") from error
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from error

    @property
    def root(self) -> Path:
        """The run folder."""
        return self._root

    def as_mapping(self) -> dict[str, Any]:
        """Return the content of `summary.json`."""
        return self._summary


def open_run(folder: str | Path) -> FinishedRun:
    """Return the result of an earlier run: its table, frames and figure.

    >>> import audioforge
    >>> audioforge.open_run("runs/none")
    Traceback (most recent call last):
    ...
    audioforge.errors.UsageError: runs/none: there is no run in it (no summary.json)

    Args:
        folder: The run folder.

    Raises:
        UsageError: If there is no finished run in it.
    """
    return FinishedRun(folder)


def summary_table(summary: Mapping[str, Any]) -> Shown:
    """Return the table of a run by its `summary.json`."""
    metric, best = summary["metric"], summary["best"]
    heads = ["model", metric, "95 %", "difference, points, 95 %", "run-away clips"]
    heads += ["reward", "kept"]
    rows = []
    for row in ({"cycle": 0, **summary["base"]}, *summary["cycles"]):
        name = f"cycle {row['cycle']}" if row["cycle"] else "base"
        difference = row.get("difference_ci95")
        rows.append(
            [
                f"{name} → best" if row["cycle"] == best["cycle"] else name,
                percent(row[metric]),
                percent_interval(*row["ci95"]),
                point_interval(*difference) if difference else "",
                runaway_cell(row, metric),
                decimal(row["reward"], digits=3) if row["cycle"] else "",
                str(row.get("kept", "")),
            ]
        )
    result = "Improved" if summary["improved"] else "Not improved"
    decoding = f"Decoding: {summary['base']['decoding']}."
    return Shown(heads, rows, [f"{result}: {summary['reason']}.", decoding])
