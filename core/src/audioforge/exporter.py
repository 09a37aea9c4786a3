"""The contract of an exporter: from a checkpoint to what another engine loads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from audioforge.sample import Clip

Transcribe: TypeAlias = Callable[[Sequence[Clip]], Sequence[str]]
"""What an engine makes of clips: the transcript of each, or its label."""


class Exporter(ABC):
    """Writes a checkpoint in the form of another engine. Created with its options.

    Attributes:
        compute_type: What the loaded engine computes in, such as "int8_float32", which may be other
            than what is stored; None where it does not say.
    """

    compute_type: str | None = None

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

    def load(self, folder: Path) -> Transcribe | None:
        """Load what `export` wrote with the engine that it is for, to measure what it is worth.

        Args:
            folder: As `export` left it; read only.

        Returns:
            What is called with clips, at the rate of the checkpoint, and decodes greedily; a clip's
            language, where the checkpoint knows several, is that of its sample. None where the
            engine cannot be run here.
        """
        return None
