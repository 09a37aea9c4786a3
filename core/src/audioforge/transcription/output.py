"""A folder with a file for each transcript; nothing that is there already is written over."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from audioforge.errors import AudioError, UsageError
from audioforge.files import atomic
from audioforge.transcription.formats import SUFFIX_OF
from audioforge.transcription.sources import Recording

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the next transcript would meet, too."""


def target(folder: Path, recording: Recording, format_name: str) -> Path:
    """Return the file of a recording's transcript."""
    return folder / f"{recording.name}{SUFFIX_OF[format_name]}"


def prepare(folder: Path, recordings: Sequence[Recording], format_name: str) -> None:
    """Make the folder where it is not there.

    Raises:
        UsageError: If it cannot be written to, or a transcript has a file there already.
    """
    targets = (target(folder, recording, format_name) for recording in recordings)
    if there := [path for path in targets if os.path.lexists(path)]:
        more = f", as are {len(there) - 1} more" if there[1:] else ""
        raise UsageError(
            f"{there[0]} is there already{more}; nothing is written over: give another --output"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"--output {folder}: nothing can be written there ({error.strerror}); give another "
            f"folder"
        ) from error


def write(path: Path, text: str) -> None:
    """Write a transcript in one step.

    Raises:
        AudioError: If it cannot be written, though others may.
        OSError: If the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):  # made since the command began
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        atomic.write_text(path, text)
    except OSError as error:
        if error.errno in _FULL:
            raise
        raise AudioError(f"{path}: cannot be written: {error.strerror}") from error
