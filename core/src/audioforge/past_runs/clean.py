"""Making room: what finished runs no longer need, or whole finished runs.

Nothing of a run is touched that is locked, unfinished or has no `config.yaml` of ours, and no link
is followed: each of these is looked at once more just before something is removed.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.errors import UsageError
from audioforge.past_runs.found import PastRun, is_locked, own_settings, size_and_change

DAY = 24 * 3600.0

TELLS_OF_RUN = ("environment.json", "config.yaml", "summary.json")
"""What is removed last, so that what a kill leaves of a run is still a finished run."""


@frozen(kw_only=True)
class Removal:
    """Something to remove.

    Attributes:
        run: The run folder.
        path: What is removed: the same, or a folder in it.
        what: What that is, in a few words.
        bytes: What it takes on the disk.
    """

    run: Path
    path: Path
    what: str
    bytes: int

    def as_mapping(self) -> dict[str, Any]:
        """Return what `audioforge runs clean --json` prints of it."""
        return {"path": str(self.path), "what": self.what, "bytes": self.bytes}


def removable(runs: Sequence[PastRun], *, older_than: float, whole: bool) -> list[Removal]:
    """Return what can be removed of runs.

    Args:
        runs: The runs.
        older_than: Days since the last file of a run was written.
        whole: Whether the runs themselves are removed, not just what they no longer need.
    """
    now = time.time()
    needed = _needed([run for run in runs if run.state != "finished"])
    found: list[Removal] = []
    for run in runs:
        if run.state != "finished" or now - run.changed < older_than * DAY:
            continue
        if run.folder.resolve() in needed:  # an unfinished run begins with its model
            continue
        if whole:
            what = "the whole run, its model too"
            found.append(Removal(run=run.folder, path=run.folder, what=what, bytes=run.bytes))
        else:
            found += _no_longer_needed(run.folder)
    return found


def remove(removal: Removal) -> None:
    """Remove it.

    Raises:
        UsageError: If the run is no longer one that may be touched.
        OSError: If it cannot be removed.
    """
    run, path = removal.run, removal.path
    settled = (run / "summary.json").is_file() and not is_locked(run)
    if own_settings(run) is None or not settled or path.is_symlink() or run.is_symlink():
        raise UsageError(f"{run}: changed meanwhile; nothing of it was removed")
    if path != run:
        shutil.rmtree(path)
        return
    children = sorted(run.iterdir(), key=lambda child: child.name in TELLS_OF_RUN)
    for child in children:
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    run.rmdir()


def _no_longer_needed(run: Path) -> Iterator[Removal]:
    """Yield a finished run's weights beside the exported ones, and what only a resume needed."""
    if not any((run / "best").glob("*.safetensors")):  # then they are all there is of it
        return
    places = {path: f"weights of {path.parent.name}" for path in run.glob("cycle-*/checkpoint")}
    places[run / "state"] = "what only a resume needed"
    for path, what in sorted(places.items()):
        if path.is_dir() and not path.is_symlink() and not path.parent.is_symlink():
            yield Removal(run=run, path=path, what=what, bytes=size_and_change(path)[0])


def _needed(unfinished: Sequence[PastRun]) -> set[Path]:
    """Return the folders in which models lie that unfinished runs begin with."""
    needed: set[Path] = set()
    for run in unfinished:
        for name in ("model_name", "parent"):
            if value := run.settings.get(name):
                path = (_started_in(run.folder) / str(value)).resolve()
                needed |= {path, *path.parents}
    return needed


def _started_in(run: Path) -> Path:
    """Return where relative paths of a run's settings count from."""
    environment: Mapping[str, Any] = json.loads((run / "environment.json").read_text("utf-8"))
    return Path(str(environment.get("working_directory", ".")))
