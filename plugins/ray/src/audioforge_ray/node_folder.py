"""A folder on each node for what a run keeps there: shared by the run's workers, gone after them.

It lies below the node's temporary folder (`TMPDIR`). Each worker holds a lock that the system lets
go of when the worker ends, however it ends: so a folder whose lock nobody holds is of a run that is
over, and the next one removes it. No torch here: a node that only tidies up imports this.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from audioforge.errors import TrainingError

LOCK = "in-use"
GONE = ".gone"
"""How the name of a folder ends that is being removed."""


class NodeFolder:
    """One run's folder on this node.

    Args:
        run: Names the run, as no other run is named.
        below: Where the folders of all runs are; None for this user's temporary folder.

    Attributes:
        path: The folder.

    Raises:
        TrainingError: If it cannot be made.
    """

    def __init__(self, run: str, below: Path | None = None) -> None:
        """Make the folder, or join the workers that have made it; remove those of other runs."""
        below = below or default_place()
        self.path = below / run
        try:
            self._lock = self._joined()
        except OSError as error:
            raise TrainingError(
                f"{self.path}: cannot be made: {error.strerror}. Make room there, or start the "
                f"node with TMPDIR set to another folder"
            ) from error
        sweep(below)

    def _joined(self) -> IO[bytes]:
        """Return the lock, held together with the other workers."""
        while True:
            with suppress(FileExistsError, FileNotFoundError):  # somebody comes or goes just now
                self.path.mkdir(parents=True, exist_ok=True)
                lock = (self.path / LOCK).open("ab")
                fcntl.flock(lock, fcntl.LOCK_SH)
                if _is_there(self.path, lock):
                    return lock
                lock.close()

    def close(self) -> None:
        """Let go of the folder; whoever is the last removes it."""
        self._lock.close()
        _remove_unused(self.path)


def default_place() -> Path:
    """Return where this user's runs have their folders on this machine.

    Raises:
        TrainingError: If somebody else has made it.
    """
    place = Path(tempfile.gettempdir()) / f"audioforge-{os.getuid()}"
    with suppress(FileExistsError):
        place.mkdir(mode=0o700, parents=True)
    if place.is_symlink() or not place.is_dir() or place.stat().st_uid != os.getuid():
        raise TrainingError(
            f"{place}: is not a folder of this user. Remove it, or start the node with TMPDIR set "
            f"to another folder"
        )
    return place


def sweep(below: Path) -> None:
    """Remove the folders of runs of which no worker lives."""
    with suppress(OSError):
        for folder in below.iterdir():
            if folder.suffix == GONE:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                _remove_unused(folder)


def _remove_unused(folder: Path) -> None:
    with suppress(OSError), (folder / LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_there(folder, lock):
            # Out of the way first: who comes now makes a folder of its own.
            gone = folder.rename(folder.with_name(f"{secrets.token_hex(8)}{GONE}"))
            shutil.rmtree(gone, ignore_errors=True)


def _is_there(folder: Path, lock: IO[bytes]) -> bool:
    """Whether a lock is that of the folder still."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (folder / LOCK).stat())
    except FileNotFoundError:
        return False
