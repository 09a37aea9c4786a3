"""Digests of files that a run reads besides its data: of checkpoints, and named by options."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from audioforge.files.paths import open_regular

NEVER_READ = (
    ".*",
    "*.md",
    "*.log",
    "*.h5",
    "*.msgpack",
    "pytorch_model*.bin",
    "training_args.bin",
    "optimizer.*",
    "scheduler.*",
    "rng_state*",
)
"""What lies beside a model and is none of it: texts for people, weights of other libraries, and
what a trainer goes on from. Everything else may be read by some adapter."""

CHUNK_BYTES = 2**20


def file_digest(path: Path) -> str | None:
    """Return the BLAKE2b digest of a file, in hexadecimal; None where it cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open_regular(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except (OSError, ValueError):
        return None
    return digest.hexdigest()


def folder_digests(folder: Path, leave_out: Sequence[str] = ()) -> dict[str, str | None]:
    """Return the digest of each file that lies in a folder itself, by its name.

    Args:
        folder: A checkpoint's folder. What is below it, such as the runs that were made from it, is
            not looked at.
        leave_out: Patterns of names, beside `NEVER_READ`.
    """
    patterns = (*NEVER_READ, *leave_out)
    return {
        path.name: file_digest(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and not any(fnmatch(path.name, pattern) for pattern in patterns)
    }
