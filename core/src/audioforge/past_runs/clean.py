"""Making room: what finished runs no longer need, or whole finished runs.

Nothing of a run is touched that is locked, unfinished or has no `config.yaml` of ours, and no link
is followed: each of these is looked at once more just before something is removed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.errors import UsageError
from audioforge.past_runs.found import (
    PastRun,
    find_runs,
    is_locked,
    own_settings,
    size_and_change,
)
from audioforge.past_runs.kept import folders_kept, is_in_unfinished_group, is_settled
from audioforge.run.new_folder import GROUP_FILE

DAY = 24 * 3600.0

TELLS_OF_RUN = ("environment.json", "config.yaml", "summary.json")
"""What is removed last, so that what a kill leaves of a run is still a finished run."""

OF_GROUP = ("base", GROUP_FILE, "summary.json")
"""What a group of seeds has beside them, in the order in which it is removed."""


@frozen(kw_only=True)
class Removal:
    """Something to remove.

    Attributes:
        run: The run folder; of what seeds share their group's.
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


def removable(
    runs: Sequence[PastRun], *, beside: Iterable[PastRun] = (), older_than: float, whole: bool
) -> list[Removal]:
    """Return what can be removed of runs, sorted by path.

    Args:
        runs: The runs.
        beside: Others, of which nothing is removed, but which may begin with a model of these.
        older_than: Days since the last file of a run was written.
        whole: Whether the runs themselves are removed, not just what they no longer need.
    """
    now = time.time()
    kept = folders_kept(run for run in (*runs, *beside) if not is_settled(run))
    free = [
        run
        for run in runs
        if now - run.changed >= older_than * DAY and run.folder.resolve() not in kept
    ]
    found = _whole(free) if whole else [r for run in free for r in _no_longer_needed(run.folder)]
    return sorted(found, key=lambda removal: removal.path)


def remove_all(removals: Sequence[Removal]) -> dict[Removal, str]:
    """Remove what can be, what lies deepest first; return why each of the others stays."""
    failed: dict[Removal, str] = {}
    for removal in reversed(removals):
        try:
            _remove(removal)
        except UsageError as error:
            failed[removal] = str(error)
        except OSError as error:
            failed[removal] = f"{error.filename}: {error.strerror}; not all of it was removed"
    return failed


def _remove(removal: Removal) -> None:
    """Remove it.

    Raises:
        UsageError: If the run is no longer one that may be touched.
        OSError: If it cannot be removed.
    """
    run, path = removal.run, removal.path
    if (run / GROUP_FILE).is_file():
        _remove_shared(run)
        return
    settled = (run / "summary.json").is_file() and not is_locked(run)
    if own_settings(run) is None or not settled or path.is_symlink() or run.is_symlink():
        raise UsageError("it changed meanwhile")
    if is_in_unfinished_group(run):
        raise UsageError("its group goes on")
    if path != run:
        shutil.rmtree(path)
        return
    if inner := [other.folder for other in find_runs(run) if other.folder != run]:
        raise UsageError(f"{inner[0]} lies in it")
    for child in sorted(run.iterdir(), key=lambda child: child.name in TELLS_OF_RUN):
        _delete(child)
    run.rmdir()


def _remove_shared(group: Path) -> None:
    """Remove what seeds share, when they are gone, and the folder if nothing else is in it."""
    if seeds := sorted(group.glob("seed-*")):
        raise UsageError(f"{seeds[0].name} is still there")
    if group.is_symlink() or not (group / "summary.json").is_file():
        raise UsageError("it changed meanwhile")
    for path in _shared(group):
        _delete(path)
    if not any(group.iterdir()):
        group.rmdir()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _whole(runs: Sequence[PastRun]) -> Iterator[Removal]:
    """Yield whole runs, and what the seeds of a group share where all of them go."""
    going = {run.folder: run.bytes for run in runs}
    for run in runs:  # what lies in another is told by itself
        if (outer := next((p for p in run.folder.parents if p in going), None)) is not None:
            going[outer] -= run.bytes
    for folder, size in going.items():
        yield Removal(run=folder, path=folder, what="the whole run, its model too", bytes=size)
    for group in sorted({run.parent for run in going if (run.parent / GROUP_FILE).is_file()}):
        if going.keys() >= set(group.glob("seed-*")) and not group.is_symlink():
            size = sum(map(_size, _shared(group)))
            yield Removal(run=group, path=group, what="what its seeds shared", bytes=size)


def _shared(group: Path) -> list[Path]:
    return [group / name for name in OF_GROUP if (group / name).exists()]


def _size(path: Path) -> int:
    return size_and_change(path)[0] if path.is_dir() else path.lstat().st_blocks * 512


def _no_longer_needed(run: Path) -> Iterator[Removal]:
    """Yield a finished run's weights beside the exported ones, and what only a resume needed."""
    if not any((run / "best").glob("*.safetensors")):  # then they are all there is of it
        return
    places = {path: f"weights of {path.parent.name}" for path in run.glob("cycle-*/checkpoint")}
    places[run / "state"] = "what only a resume needed"
    for path, what in sorted(places.items()):
        if path.is_dir() and not path.is_symlink() and not path.parent.is_symlink():
            yield Removal(run=run, path=path, what=what, bytes=size_and_change(path)[0])
