"""The format of run folders, and what becomes of a folder in another one.

An older format is resumed as far as it goes, with a warning of what it cannot tell; a newer one is
refused, since nobody knows what it means.

1: No number is written. The run's identity holds settings, weights, ids and texts.
2: The identity also holds the checkpoint's other files, files among options, code and sound.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from audioforge.errors import UsageError

FORMAT = 2


def check_format(written: object, path: Path) -> int:
    """Return the format that a file of a run folder states.

    Args:
        written: What the file has as `format`; None where it has none, which is the first format.
        path: The file, for messages.

    Raises:
        UsageError: If it is newer than this AudioForge, or no format.
    """
    if written is None:
        return 1
    if type(written) is not int or written < 1:
        raise UsageError(f"{path}: cannot be read: format {written!r} is no whole number from 1")
    if written > FORMAT:
        raise UsageError(
            f"{path}: a newer AudioForge wrote this run folder, in format {written}; AudioForge "
            f"{metadata.version('audioforge')} reads formats up to {FORMAT}. Go on with the "
            f"version that began the run (environment.json has it), or update audioforge."
        )
    return written
