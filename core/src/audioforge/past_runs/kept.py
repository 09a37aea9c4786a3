"""Which folders stay when room is made: unfinished runs lie in them, or begin with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from audioforge.past_runs.found import PastRun, find_run
from audioforge.run.new_folder import GROUP_FILE

NEAR = ("*", "*/*", "*/*/*")
"""Where runs are found beside a folder: as deep as a seed of a group in a folder of runs."""


def runs_beside(folder: Path) -> Iterator[PastRun]:
    """Yield the runs beside a folder, or beside its group where it is that of a seed.

    They are found up to three folders deep; one that may not be read is left out.

    Args:
        folder: The folder that is asked about.
    """
    folder = folder.resolve()
    above = folder.parent
    if (above / GROUP_FILE).is_file():
        above = above.parent
    places = {path.parent for near in NEAR for path in above.glob(f"{near}/config.yaml")}
    for place in places:
        if place.is_relative_to(folder):
            continue
        with suppress(PermissionError):  # another user's
            if (run := find_run(place)) is not None:
                yield run


def is_settled(run: PastRun) -> bool:
    """Whether a run is finished, and the group that it is a seed of, if it is one."""
    return run.state == "finished" and not is_in_unfinished_group(run.folder)


def is_in_unfinished_group(run: Path) -> bool:
    """Whether a run folder is that of a seed, and others of its seeds are still to come."""
    group = run.resolve().parent
    return (group / GROUP_FILE).is_file() and not (group / "summary.json").is_file()


def folders_kept(unsettled: Iterable[PastRun]) -> set[Path]:
    """Return the folders, without links, that hold unfinished runs or models these begin with."""
    kept: set[Path] = set()
    for run in unsettled:
        kept |= {run.folder.resolve(), *run.folder.resolve().parents}
        for name in ("model_name", "parent"):
            if value := run.settings.get(name):
                path = (_started_in(run.folder) / str(value)).resolve()
                kept |= {path, *path.parents}
    return kept


def _started_in(run: Path) -> Path:
    """Return where relative paths of a run's settings count from."""
    environment: Mapping[str, Any] = json.loads((run / "environment.json").read_text("utf-8"))
    return Path(str(environment.get("working_directory", ".")))
