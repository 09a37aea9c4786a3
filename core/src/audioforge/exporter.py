"""The contract of an exporter: from a checkpoint to what another engine loads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path


class Exporter(ABC):
    """Writes a checkpoint in the form of another engine. Created with its options."""

    @abstractmethod
    def export(self, checkpoint: Path, folder: Path) -> None:
        """Write what the other engine loads.

        Args:
            checkpoint: Folder as Transformers saves it, such as `best/` of a run; read only.
            folder: New and empty, for files and folders; a link is refused. It gets its final name
                when this returns, and is removed when this raises.

        Raises:
            CheckpointError: If the checkpoint is none that the engine can run.
        """
