"""One writer for a run folder.

The operating system holds the lock (`flock`, through filelock) and lets it go when its owner dies,
however it dies; so a lock that is held has a living owner.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from audioforge.errors import UsageError
from audioforge.files import atomic

WAIT_SECONDS = 5.0
"""For an owner that is just ending."""


class RunLock:
    """The lock of one process on a run folder.

    Args:
        folder: `state/` of the run.
        rank: Number of this process.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        """Nothing is locked yet."""
        self._folder, self._rank = folder, rank
        self._lock = self._of(rank)

    def acquire(self) -> None:
        """Take the lock, and say in it who has it.

        Raises:
            UsageError: If another living process has it.
        """
        self._take(self._lock, self._rank)
        owner = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            atomic.write_json(self._owner(self._rank), owner)
        except BaseException:  # such as a full disk
            self._lock.release()
            raise

    def require_all_free(self) -> None:
        """Check that no process of an earlier start still writes.

        Raises:
            UsageError: If one does.
        """
        for path in sorted(self._folder.glob("lock-*")):
            rank = int(path.name.rpartition("-")[2])
            if rank != self._rank:
                lock = self._of(rank)
                self._take(lock, rank)
                lock.release()

    @property
    def is_taken(self) -> bool:
        """Whether another living process has it at this moment."""
        if not Path(self._lock.lock_file).exists():
            return False
        try:
            with self._lock.acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # just removed, or closed to us
            return False

    def release(self) -> None:
        """Let it go."""
        self._lock.release()

    def _of(self, rank: int) -> FileLock:
        return FileLock(self._folder / f"lock-{rank:05d}", timeout=WAIT_SECONDS)

    def _owner(self, rank: int) -> Path:
        return self._folder / f"owner-{rank:05d}.json"

    def _take(self, lock: FileLock, rank: int) -> None:
        try:
            lock.acquire()
        except Timeout as error:
            raise UsageError(
                f"{self._folder.parent}: {self._describe(rank)} writes this run; wait until it "
                f"ends, or stop it"
            ) from error

    def _describe(self, rank: int) -> str:
        try:
            owner = json.loads(self._owner(rank).read_text(encoding="utf-8"))
            return f"process {owner['pid']} on {owner['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"
