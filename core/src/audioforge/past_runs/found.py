"""Finding runs, and what became of each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from audioforge.config import read_config_file
from audioforge.errors import AudioForgeError, UsageError
from audioforge.run.lock import RunLock

State = Literal["finished", "running", "interrupted", "failed"]

OWN_KEYS = {"model_name", "dataset", "num_cycles", "output_dir"}
"""Settings without which a `config.yaml` is not one of ours."""

PARTS = {"best", "state", "trackers"}
"""Folders of a run, besides those of its cycles, in which no other run is looked for."""


@frozen(kw_only=True)
class PastRun:
    """One run.

    Attributes:
        folder: Its folder.
        state: "running" while a process holds its lock; "failed" where an error ended it;
            "interrupted" where it stopped otherwise, and can go on.
        settings: What its `config.yaml` holds.
        metric: The corpus metric that decides; None before the base is measured.
        base: The metric of the untouched model; None likewise.
        best: The metric of the exported model; of an unfinished run that of its latest cycle, None
            before one is measured.
        cycle: The cycle that this is of; 0 is the base.
        improved: Whether the exported model is better than the base; None of an unfinished run.
        error: What ended a failed run.
        bytes: What its files take on the disk.
        changed: When the last of them was written, in seconds since the epoch.
    """

    folder: Path
    state: State
    settings: Mapping[str, Any]
    metric: str | None
    base: float | None
    best: float | None
    cycle: int | None
    improved: bool | None
    error: str | None
    bytes: int
    changed: float

    def as_mapping(self) -> dict[str, Any]:
        """Return what `audioforge runs --json` prints of it."""
        return {
            "folder": str(self.folder),
            "state": self.state,
            "model": self.settings["model_name"],
            "selection": self.settings.get("selection"),
            "metric": self.metric,
            "base": self.base,
            "best": self.best,
            "cycle": self.cycle,
            "improved": self.improved,
            "error": self.error,
            "bytes": self.bytes,
            "changed": datetime.fromtimestamp(self.changed, UTC).isoformat(timespec="seconds"),
        }


def find_runs(root: Path) -> list[PastRun]:
    """Return the runs below a folder, sorted by path; links to other folders are not followed.

    Args:
        root: The folder, or a run folder itself.

    Raises:
        UsageError: If it is no folder that can be read.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: there is no such folder; name the one that your runs are in")
    if not os.access(root, os.R_OK | os.X_OK):
        raise UsageError(f"{root}: you may not read it")
    return sorted(_below(root), key=lambda run: run.folder)


def _below(root: Path) -> Iterator[PastRun]:
    for folder, names, _ in os.walk(root):
        if (run := find_run(Path(folder))) is not None:
            names[:] = [n for n in names if n not in PARTS and not n.startswith("cycle-")]
            yield run
        names[:] = [name for name in names if not name.startswith(".")]


def find_run(folder: Path) -> PastRun | None:
    """Return the run in a folder; None where there is none of ours."""
    settings = own_settings(folder)
    return None if settings is None else look_at(folder, settings)


def own_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings of the run in a folder; None where there is none of ours."""
    if not (folder / "config.yaml").is_file() or "audioforge" not in _json(
        folder / "environment.json"
    ):
        return None
    try:
        settings = read_config_file(folder / "config.yaml")
    except AudioForgeError:
        return None
    return settings if settings.keys() >= OWN_KEYS else None


def look_at(folder: Path, settings: Mapping[str, Any]) -> PastRun:
    """Return what became of a run."""
    summary, failure = _json(folder / "summary.json"), _json(folder / "state/failure.json")
    state: State = "finished" if summary else "failed" if failure else "interrupted"
    if is_locked(folder):
        state = "running"
    measured = _best(summary) if summary else _so_far(folder)
    size, changed = size_and_change(folder)
    return PastRun(
        folder=folder,
        state=state,
        settings=settings,
        improved=summary.get("improved"),
        error=None if summary else failure.get("error"),
        bytes=size,
        changed=changed,
        **measured,
    )


def is_locked(folder: Path) -> bool:
    """Whether a living process writes a run."""
    ranks = (path.name.rpartition("-")[2] for path in (folder / "state").glob("lock-*"))
    return any(RunLock(folder / "state", int(r)).is_taken for r in ranks if r.isdecimal())


def size_and_change(folder: Path) -> tuple[int, float]:
    """Return what a folder's files take on the disk, in bytes, and when the last was written.

    A file of several names counts once; what a link leads to does not count.
    """
    counted: set[tuple[int, int]] = set()
    size, changed = 0, 0.0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                stat = os.lstat(os.path.join(path, name))  # noqa: PTH118 - for thousands of files
            except FileNotFoundError:  # a run that is at work
                continue
            changed = max(changed, stat.st_mtime)
            if (stat.st_dev, stat.st_ino) not in counted:
                counted.add((stat.st_dev, stat.st_ino))
                size += stat.st_blocks * 512
    return size, changed


def _best(summary: Mapping[str, Any]) -> dict[str, Any]:
    metric, best = summary.get("metric"), summary.get("best", {})
    return {
        "metric": metric,
        "base": summary.get("base", {}).get(metric),
        "best": best.get(metric),
        "cycle": best.get("cycle"),
    }


def _so_far(folder: Path) -> dict[str, Any]:
    """Return base and latest cycle of a run that has no result yet."""
    rows = {int(p.parent.name[6:]): _json(p) for p in folder.glob("cycle-[0-9]*/metrics.json")}
    metric = rows.get(0, {}).get("metric")
    latest = max(rows, default=0) or None
    return {
        "metric": metric,
        "base": rows.get(0, {}).get(str(metric)),
        "best": None if latest is None else rows[latest].get(str(metric)),
        "cycle": latest,
    }


def _json(path: Path) -> dict[str, Any]:
    """Return the object of a file; empty where there is none that is whole."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
