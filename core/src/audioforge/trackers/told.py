"""What a tracker was told of a run, so that a resumed run goes on and doubles nothing.

A resumed run tells its finished cycles once more, and the services add what they hear again as new
points. So each tracker keeps beside its own files how far it heard.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrs import asdict, define, field

from audioforge.errors import UsageError
from audioforge.files import atomic


@define
class Told:
    """How far a tracker heard of a run; `trackers/<name>.json` of the run folder.

    Attributes:
        where: What it wrote to, such as a project; elsewhere it begins anew.
        identity: The run's own name there, by which it is opened again.
        step: The last step of the optimiser that it heard the figures of.
        cycle: The last cycle that it heard the figures of; -1 before the base.
        shown: The last cycle whose outputs it saw; -1 before the base.
        began: Whether it was opened there, so that there is a run to go on with.
    """

    where: str
    identity: str = field(factory=lambda: uuid4().hex[:12])
    step: int = 0
    cycle: int = -1
    shown: int = -1
    began: bool = False

    @classmethod
    def read(cls, path: Path, where: str) -> Told:
        """Return what was written; what begins anew where nothing was, or of another place.

        Raises:
            UsageError: If the file cannot be read.
        """
        if not path.is_file():
            return cls(where)
        try:
            written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            told = cls(**written)
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(
                f"{path}: cannot be read: {error}. Remove it, and the run is told from the "
                f"beginning."
            ) from error
        return told if told.where == where else cls(where)

    def write(self, path: Path) -> None:
        """Write it down in one step."""
        atomic.write_json(path, asdict(self))
