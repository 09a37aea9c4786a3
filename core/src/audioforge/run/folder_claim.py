"""The right to write a run folder: taken before anything is read, kept until the run ends.

Whoever holds the folder's lock may write there, and may clear away what a start left that died
before its run began. Whoever does not get it leaves the folder as it is.
"""

from __future__ import annotations

import shutil
from contextlib import suppress

from audioforge.errors import UsageError
from audioforge.inference.processes import Processes
from audioforge.run.folder import RunFolder
from audioforge.run.lock import RunLock
from audioforge.run.new_folder import require_new


class FolderClaim:
    """The right of one process of a run to write its folder.

    Args:
        folder: The run folder.
        resumes: Whether the run is in it already.

    Attributes:
        folder: The run folder.
    """

    def __init__(self, folder: RunFolder, *, resumes: bool) -> None:
        """Nothing is taken yet."""
        self.folder, self._resumes = folder, resumes
        self._lock: RunLock | None = None
        self._made_root = False
        self._is_main = False

    def take(self, processes: Processes) -> None:
        """Lock the folder: the main process first, the others when it is theirs.

        Raises:
            UsageError: If another run writes it, or it is not what this one needs: new or empty to
                begin, with an unfinished run in it to resume.
        """
        self._is_main = processes.is_main
        processes.from_main(self._take_over if self._resumes else self._begin)
        if not processes.is_main:
            self._acquire(RunLock(self.folder.state, processes.rank))
        processes.wait()

    def release(self) -> None:
        """Let the folder go; one in which no run has begun is left as it was found."""
        if self._lock is None:
            return
        try:
            if self._is_main and not self.folder.has_begun:
                self.folder.remove_state()
                if self._made_root:
                    with suppress(OSError):  # somebody put something there meanwhile
                        self.folder.root.rmdir()
        finally:
            self._lock.release()

    def _begin(self) -> None:
        """Take a folder for a new run."""
        root, state = self.folder.root, self.folder.state
        lock = RunLock(state, 0)
        if not lock.is_taken:  # else whoever has it is told of below
            require_new(root)
        try:
            self._made_root = not root.exists()
            root.mkdir(parents=True, exist_ok=True)
            state.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"--output {root}: cannot be made: {error.strerror}") from error
        self._acquire(lock)
        try:
            require_new(root)  # another start can have begun, and even ended, in between
        except UsageError:
            if self.folder.is_finished:  # and has removed `state/`, which is there again
                self.folder.remove_state()
            raise
        lock.require_all_free()
        shutil.rmtree(self.folder.clips, ignore_errors=True)  # of a start that died
        self.folder.mend()

    def _take_over(self) -> None:
        """Take the folder of an interrupted run."""
        root = self.folder.root
        with suppress(FileExistsError):
            self.folder.state.mkdir()
        lock = RunLock(self.folder.state, 0)
        self._acquire(lock)
        if self.folder.is_finished:
            self.folder.remove_state()
            raise UsageError(f"--resume {root}: the run is finished")
        lock.require_all_free()
        self.folder.mend()

    def _acquire(self, lock: RunLock) -> None:
        try:
            lock.acquire()
        except FileNotFoundError as error:  # its owner finished, and removed `state/`
            raise UsageError(
                f"{self.folder.root}: whoever wrote this run has just ended; look at "
                f"{self.folder.root / 'summary.json'}, or start again"
            ) from error
        self._lock = lock
