"""What tells one state of a file or folder from another, without reading what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from audioforge.files.below import files_below


def state_of(path: Path, without: Collection[Path] = ()) -> dict[str, Any]:
    """Return size and time of a file, or number and digest of all that a folder holds.

    Args:
        path: The file or folder; of what is neither, nothing is returned.
        without: Files and folders below it that do not count.

    Raises:
        OSError: If a folder cannot be listed.
    """
    if path.is_file():
        found = path.stat()
        return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns}
    if not path.is_dir():
        return {}
    left_out = {other.absolute() for other in without}
    digest, n = hashlib.sha256(), 0
    for file in files_below(path.absolute()):
        if left_out.isdisjoint((file, *file.parents)) and file.is_file():
            found = file.stat()
            name = file.relative_to(path.absolute()).as_posix()
            digest.update(repr((name, found.st_size, found.st_mtime_ns)).encode())
            n += 1
    return {"files": n, "state": digest.hexdigest()}
