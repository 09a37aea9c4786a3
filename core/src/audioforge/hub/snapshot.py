"""A checkpoint of the hub as a local folder: all its files, of one revision, or an error.

Transformers by itself asks the hub for file after file, and does without an optional one, such as
`generation_config.json`, when the hub fails just then. A whole snapshot is fetched instead.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from audioforge.errors import CheckpointError
from audioforge.hub.failure import explain_hub_failure, retried
from audioforge.hub.patience import HubUnavailableError, patience

CHECKPOINT_FILES = (
    "*.json",
    "*.txt",
    "*.model",
    "*.jinja",
    "model.safetensors",
    "model-?????-of-?????.safetensors",
    "adapter_model.safetensors",
    "README.md",
)
"""What Transformers reads of a speech model, and its card. Weights of other formats and precisions,
optimiser state and subfolders stay on the hub."""


@cache
def fetch_checkpoint(checkpoint: str) -> Path:
    """Return the folder of a checkpoint of the hub; within a process it stays at one revision.

    Raises:
        CheckpointError: If it cannot be had, saying why and what to do.
    """
    return fetch(checkpoint, CHECKPOINT_FILES)


def fetch(checkpoint: str, patterns: Sequence[str]) -> Path:
    """Return the folder of the hub's cache that holds the files of a checkpoint.

    When the hub fails, the cache's copy is taken if it is whole.

    Args:
        checkpoint: Id of the checkpoint on the hub.
        patterns: Glob patterns of the names of files outside any subfolder.

    Raises:
        CheckpointError: If it cannot be had, saying why and what to do.
    """
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        with patience():
            return _download(checkpoint, patterns)
    except Exception as error:  # the hub client raises many kinds
        reason = explain_hub_failure(error, page=checkpoint) or f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{checkpoint}: there is no such folder, and the hub did not provide it: "
            f"{reason.rstrip('.')}."
        ) from error


def _download(checkpoint: str, patterns: Sequence[str]) -> Path:
    try:
        return retried(lambda: _snapshot(checkpoint, patterns, only_cache=False))
    except HubUnavailableError as error:
        try:
            return _snapshot(checkpoint, patterns, only_cache=True)
        except OSError:
            raise error from None


def _snapshot(checkpoint: str, patterns: Sequence[str], *, only_cache: bool) -> Path:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(
        checkpoint,
        allow_patterns=list(patterns),
        ignore_patterns="*/*",
        local_files_only=only_cache,
        max_workers=1,  # so that failures in a row are tries, with pauses between them
    )
    return Path(folder)


def cached(checkpoint: str) -> Path | None:
    """Return the folder of the hub's cache for a checkpoint, without asking the hub.

    None where the cache has nothing of it, or it is no id at all.
    """
    if checkpoint.count("/") != 1:  # else the hub's client would have to be imported to say so
        return None
    try:
        return _snapshot(checkpoint, CHECKPOINT_FILES, only_cache=True)
    except (OSError, ValueError):  # not there; no id of the hub
        return None
