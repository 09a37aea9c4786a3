"""Whether a run can begin in a folder."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path

from audioforge.errors import UsageError
from audioforge.files.paths import path_text

GROUP_FILE = "group.yaml"
"""In a folder of runs that differ in their seeds alone, what tells so."""

UNBEGUN_STATE = ("lock-*", "owner-*.json", ".owner-*.tmp", "clips")
"""What `state/` holds before a run has begun."""


def require_new(root: Path) -> None:
    """Check that a run folder can be made, before anything heavy is loaded.

    Raises:
        UsageError: If it is a file, holds something, or cannot be read.
    """
    try:
        str(root.absolute()).encode()
    except UnicodeEncodeError as error:  # found by safetensors only when a cycle is over
        raise UsageError(
            f"--output {path_text(root.absolute())}: its name is not UTF-8, and weights cannot be "
            f"written there; name another folder"
        ) from error
    try:
        if root.exists() and not root.is_dir():
            raise UsageError(f"--output {root}: is a file; name a new folder")
        if root.is_dir() and not os.access(root, os.W_OK | os.X_OK):
            raise UsageError(f"--output {root}: you may not write there; name another folder")
        begun = any((root / name).is_file() for name in ("config.yaml", GROUP_FILE))
        unfinished = begun and not (root / "summary.json").is_file()
        if root.is_dir() and not all(_left_before_the_start(p) for p in root.iterdir()):
            mend = (
                f"go on with it by --resume {root}, or name a new one"
                if unfinished
                else "name a new one, or remove it first"
            )
            raise UsageError(f"--output {root}: the folder is not empty; {mend}")
    except OSError as error:
        raise UsageError(f"--output {root}: cannot be read: {error.strerror}") from error


def _left_before_the_start(path: Path) -> bool:
    """Whether a run that was killed before it began leaves this file or folder."""
    if path.name == "state" and path.is_dir():
        return all(any(fnmatch(p.name, left) for left in UNBEGUN_STATE) for p in path.iterdir())
    return any(fnmatch(path.name, f".{name}.*.tmp") for name in ("config.yaml", GROUP_FILE))
