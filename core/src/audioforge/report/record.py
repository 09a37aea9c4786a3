"""What a run has written so far, read from its folder: finished, unfinished or killed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import define

from audioforge.config import read_config_file
from audioforge.errors import ConfigError, UsageError
from audioforge.files.journal import whole_lines

Values = Mapping[str, Any]
Line = dict[str, Any]


@define(eq=False, slots=False)
class RunRecord:
    """The files of a run folder; what is not there yet is empty or None.

    Attributes:
        root: The folder.
        settings: `config.yaml`.
        environment: `environment.json`.
        summary: `summary.json`; None while the run is not finished.
        base: What was measured of the untouched model; None before it was.
        cycles: What each finished cycle came to.
    """

    root: Path
    settings: Values
    environment: Values
    summary: Values | None
    base: Values | None
    cycles: Sequence[Values]

    @classmethod
    def read(cls, root: Path) -> RunRecord:
        """Read a run folder.

        Raises:
            UsageError: If there is no run in it, or a file cannot be read.
        """
        root = root.absolute()
        if (root / "group.yaml").is_file():
            raise UsageError(
                f"{root}: holds runs of several seeds; name one of them, such as "
                f"{root / 'seed-0'}: the others stand beside it"
            )
        if not (root / "config.yaml").is_file():
            raise UsageError(f"{root}: there is no run in it (no config.yaml); name a run folder")
        try:
            settings = read_config_file(root / "config.yaml")
        except ConfigError as error:
            raise UsageError(f"{error} The run folder is damaged.") from error
        summary = _object(root / "summary.json")
        if summary is not None:
            return cls(root, settings, _environment(root), summary, *_measured(root, summary))
        cycles: list[Values] = []
        while (
            figures := _object(root / f"cycle-{len(cycles) + 1:02d}" / "metrics.json")
        ) is not None:
            cycles.append(figures)
        base = _object(root / "cycle-00" / "metrics.json")
        return cls(root, settings, _environment(root), None, base, cycles)

    @property
    def name(self) -> str:
        """The folder's name, which is the run's; that of a seed with its group's."""
        own = self.root.name
        return f"{self.root.parent.name}/{own}" if own.startswith("seed-") else own

    @property
    def task(self) -> str:
        """What the model does."""
        return str(self.settings.get("task", "asr"))

    @property
    def selection(self) -> str:
        """What is learnt from."""
        return str(self.settings.get("selection", "best"))

    @property
    def seed(self) -> Any:
        """The seed."""
        return self.settings.get("seed")

    @property
    def is_finished(self) -> bool:
        """Whether the run has its result."""
        return self.summary is not None

    @property
    def metric(self) -> str | None:
        """Name of the metric that decides; None before the base is measured."""
        return None if self.base is None else str(self.base["metric"])

    @property
    def title(self) -> str:
        """The metric as people read it."""
        name = self.metric or "metric"
        return name.upper() if len(name) <= 3 else name.replace("_", " ")

    @property
    def heading(self) -> str:
        """The metric at the start of a heading."""
        return self.title[:1].upper() + self.title[1:]

    @cached_property
    def higher_is_better(self) -> bool:
        """Which way of the metric is up: as the summary says, else by its name."""
        if self.summary is not None:
            return bool(self.summary["higher_is_better"])
        return self.metric not in ("wer", "cer", "mer")

    @cached_property
    def best(self) -> Values | None:
        """What was exported; of an unfinished run the best finished cycle, or the base.

        None before the base is measured.
        """
        if self.summary is not None:
            best: Values = self.summary["best"]
            return best
        if self.base is None:
            return None
        return self._best_of([{"cycle": 0, **self.base}, *self.cycles])

    @cached_property
    def trained(self) -> Values | None:
        """The trained model to show beside the base: what was exported, or the best other one.

        None where no cycle is finished.
        """
        best = self.best
        if best is None or best["cycle"]:
            return best
        rejected: Values | None = best.get("rejected")
        return rejected or self._best_of(self.cycles)

    @property
    def trained_name(self) -> str | None:
        """What people call `trained`; None without one."""
        trained = self.trained
        if trained is None:
            return None
        part = trained.get("interpolation", 1.0)
        which = f"cycle {trained['cycle']}" + ("" if part == 1.0 else f" × {part:g}")
        if not self.is_finished:
            return f"best so far: {which}"
        return f"best: {which}" if self.improved else f"{which}, not exported"

    def _best_of(self, rows: Sequence[Values]) -> Values | None:
        """Return the row whose deciding metric is best, the first of equal ones."""
        metric, sign = str(self.metric), 1 if self.higher_is_better else -1
        measured = [row for row in rows if row.get(metric) is not None]
        return max(measured or rows, key=lambda row: sign * (row.get(metric) or 0.0), default=None)

    @property
    def improved(self) -> bool | None:
        """Whether the exported model is better than the base; None while nobody has decided."""
        return None if self.summary is None else bool(self.summary["improved"])

    @cached_property
    def learnability(self) -> Values | None:
        """What the base model's hypotheses offered; None where nothing was looked for."""
        if self.summary is not None:
            found: Values | None = self.summary["learnability"]
            return found
        return _object(self.root / "state" / "learnability.json")

    def predictions(self, cycle: int) -> list[Line]:
        """Return the lines of a cycle's greedy outputs on held-out data; 0 is the base."""
        return self.lines(f"cycle-{cycle:02d}/predictions.jsonl")

    def lines(self, name: str) -> list[Line]:
        """Return the whole lines of a file of the folder; none where it is not there."""
        path = self.root / name
        return list(whole_lines(path)) if path.is_file() else []

    def rollouts(self, cycle: int) -> Iterator[Line]:
        """Yield the lines of a cycle's rollouts, of all processes."""
        for path in sorted((self.root / f"cycle-{cycle:02d}").glob("rollouts-*.jsonl")):
            yield from whole_lines(path)

    @cached_property
    def begun_cycles(self) -> list[int]:
        """Numbers of the cycles that have rollouts or steps, finished or not."""
        folders = self.root.glob("cycle-[0-9]*")
        numbers = sorted(int(f.name.partition("-")[2]) for f in folders if f.name[6:].isdigit())
        return [number for number in numbers if number > 0]


def _measured(root: Path, summary: Values) -> tuple[Values, Sequence[Values]]:
    try:
        return summary["base"], summary["cycles"]
    except KeyError as error:
        raise UsageError(
            f"{root / 'summary.json'}: does not hold what a run writes there"
        ) from error


def _environment(root: Path) -> Values:
    return _object(root / "environment.json") or {}


def _object(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    return value if isinstance(value, dict) else None
