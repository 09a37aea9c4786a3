"""Where the relative paths of a toolkit's lists start.

Kaldi's and Lhotse's are relative to the folder in which their recipe was started, which is above
the list. So a path is looked for from the list's own folder upwards, then in the working folder.
"""

from __future__ import annotations

from os.path import relpath
from pathlib import Path

from attrs import define, field

from audioforge.files.paths import is_file

MOST_ABOVE = 5
"""Folders above that of the list that are looked into."""


@define
class Root:
    """Finds the files that one list names.

    Attributes:
        folder: Folder of the list.
        is_relative: Whether what is found is named from that folder, and so alike on any machine.
    """

    folder: Path
    is_relative: bool = False
    _starts: list[Path] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Note where to look."""
        folder = self.folder.resolve()
        self._starts = [folder, *folder.parents[:MOST_ABOVE], Path.cwd()]

    def find(self, path: str) -> str | None:
        """Return where a relative path leads, if anywhere; the last one's start is tried first."""
        for start in self._starts if "\0" not in path else ():
            if is_file(start / path):
                self._starts.remove(start)
                self._starts.insert(0, start)
                found = start / path
                folder = self.folder.resolve()
                return Path(relpath(found, folder)).as_posix() if self.is_relative else str(found)
        return None

    def place(self, path: str) -> str:
        """Return a path as a row names it: where it leads, or as it is when it leads nowhere."""
        return path if Path(path).is_absolute() else self.find(path) or path
