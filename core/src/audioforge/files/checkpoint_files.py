"""Whether a checkpoint's files came whole: cut downloads, pointers instead of files, no JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from audioforge.errors import CheckpointError

MAX_JSON_BYTES = 100 * 2**20
"""Twenty times the largest tokenizer of speech models."""

GIT_LFS = b"version https://git-lfs"
"""What a clone without git-lfs has instead of a large file begins so."""


def check_whole(path: Path) -> None:
    """Refuse a file that a download or a clone has left behind instead of the real one.

    Raises:
        CheckpointError: Naming the file and how to get it.
    """
    with path.open("rb") as file:
        start = file.read(len(GIT_LFS))
    if not start:
        raise CheckpointError(
            f"{path}: the file is empty: its download or copy was cut off. Download or copy it "
            f"again."
        )
    if start == GIT_LFS:
        raise CheckpointError(
            f"{path}: this is git-lfs's note of where the file is, not the file. Run `git lfs "
            f"install` and `git lfs pull` in the clone, or download the checkpoint with `hf "
            f"download`."
        )


def read_object(path: Path, max_bytes: int) -> dict[str, Any]:
    """Read a JSON file whose content is one object.

    Raises:
        CheckpointError: If it cannot be read, is none, or is larger than anybody writes.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise CheckpointError(f"{path}: larger than {max_bytes:,} bytes; it is damaged")
        check_whole(path)
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as JSON: {error}. Copy or save the checkpoint again."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a JSON object")
    return content
