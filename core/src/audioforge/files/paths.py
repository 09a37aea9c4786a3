"""Paths that a user or a data set wrote, which may be anything: never a hang, never a traceback."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading bytes.

    A pipe would be waited for without end, and a device such as /dev/zero has no end.

    Raises:
        OSError: If it cannot be opened, or is no regular file.
        ValueError: If it is no path: it holds a NUL character.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder the system says so itself
        raise OSError(0, "it is a pipe or a device; save what it gives to a file first")
    return path.open("rb")


def is_file(path: Path) -> bool:
    """Say whether there is a regular file that can be reached under this name."""
    try:
        return path.is_file()
    except OSError:  # the name is too long, or a folder on the way is closed
        return False


def is_folder(path: Path) -> bool:
    """Say whether there is a folder that can be reached under this name."""
    try:
        return path.is_dir()
    except OSError:
        return False


def real_path(path: Path) -> str:
    """Return a path with its links followed, as far as they lead anywhere."""
    try:
        return os.path.realpath(path)
    except ValueError:  # no path at all: it holds a NUL character
        return str(path)


def path_text(path: str | Path) -> str:
    r"""Return a path as text that every file can hold: bytes that are no UTF-8 are spelt out.

    >>> path_text("caf\udce9.wav")
    'caf\\xe9.wav'
    """
    return os.fsencode(path).decode(errors="backslashreplace")
