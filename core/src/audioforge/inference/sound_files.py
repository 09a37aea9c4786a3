"""Where the files of clips are, as a process sees them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SoundFiles:
    """Files that are read where they lie.

    A process on another machine may be without some of them: there this is a class that has them
    sent, and results name them as ever.
    """

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return Path.cwd()

    def state(self, path: Path) -> tuple[object, ...]:
        """Return what tells the file from any other, and from itself once it is written to.

        Args:
            path: The file; absolute.

        Raises:
            OSError: If it cannot be seen.
            ValueError: If there cannot be a file of that name.
        """
        file = path.stat()
        return path, file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns

    @contextmanager
    def at_hand(self, path: Path) -> Iterator[Path]:
        """Give the place where the file can be read until the block ends.

        Args:
            path: The file; absolute. One that nobody has is given as it is: decoding says what is
                wrong.
        """
        yield path


WHERE_THEY_LIE = SoundFiles()
