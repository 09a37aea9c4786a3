"""From what a user names to a checkpoint: a run folder stands for the model that it exported."""

from __future__ import annotations

from pathlib import Path

from audioforge.errors import UsageError
from audioforge.run.folder import RunFolder


def checkpoint_of(model: str | Path) -> str:
    """Return the checkpoint that a hub id, a checkpoint's folder or a run folder names.

    Raises:
        UsageError: If the run in the folder has not exported a model yet.
    """
    folder = RunFolder(Path(model).expanduser())
    if not folder.has_begun:
        return str(model)
    if not folder.is_finished:
        raise UsageError(
            f"{model}: the run in it is not finished; name one of its checkpoints, such as "
            f"{folder.checkpoint(1)}"
        )
    return str(folder.best)
