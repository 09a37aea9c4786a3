"""Append-only JSON lines: what is in them survives a kill at any instant.

Each process appends to its own file, `<name>-<rank>.jsonl`, and everything that reads takes the
files of all processes together, so that a run can go on with another number of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.files import atomic

RANK = "[0-9]" * 5
"""Pattern of a process' number in a file name."""


@frozen
class Journal:
    """One stage's lines.

    Attributes:
        folder: Where the files are.
        name: What their names start with.
        rank: Number of the process that appends.
    """

    folder: Path
    name: str
    rank: int

    def append(self, lines: Iterable[Any]) -> None:
        """Add lines, and return when they are on the disk.

        Raises:
            OSError: If they cannot be written; the last of them may then be there in part. Also if
                the folder that holds this one is gone: a run whose folder was removed must not go
                on with what it writes from then on.
        """
        text = "".join(atomic.to_json_line(line) for line in lines)
        if not text:
            return
        self.folder.mkdir(exist_ok=True)
        path = self.path(self.rank)
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            error.filename = error.filename or str(path)  # a full disk does not say which file
            raise

    def path(self, rank: int) -> Path:
        """Return the file of a process."""
        return self.folder / f"{self.name}-{rank:05d}.jsonl"

    @property
    def files(self) -> list[Path]:
        """The files of all processes, those of earlier ones included."""
        return sorted(self.folder.glob(f"{self.name}-{RANK}.jsonl"))

    def read(self) -> Iterator[Any]:
        """Yield the lines of all processes; a line that is not whole is not there."""
        for path in self.files:
            yield from whole_lines(path)


def append_line(path: Path, line: Any) -> None:
    """Add a line to a file that one process writes; it may be lost to a power cut, not to a kill.

    Raises:
        OSError: If it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(atomic.to_json_line(line))
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say which file
        raise


def mend(path: Path) -> None:
    """Take torn lines out of a file, so that the next one does not continue them."""
    with path.open("rb") as file:
        torn = any(_parsed(line) is None for line in file)
    if torn:
        atomic.write_jsonl(path, whole_lines(path))


def whole_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a JSON lines file but for torn lines, as a kill can leave them."""
    with path.open("rb") as file:
        for line in file:
            value = _parsed(line)
            if value is not None:
                yield value


def _parsed(line: bytes) -> Any:
    """Return a line's object, or None when it is not a whole one."""
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
    except ValueError:  # cut, or zeros after a power cut
        return None
    return value if isinstance(value, dict) else None
