"""What a measurement is, and how much is measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from performance.material import Checkpoints, Real
from performance.timing import Figures


@frozen
class Measurement:
    """One row of a table.

    Attributes:
        subject: The table.
        name: The row.
        measure: Takes seconds to minutes.
    """

    subject: str
    name: str
    measure: Callable[[], Figures]


@frozen(kw_only=True)
class Scope:
    """How much is measured.

    Attributes:
        scratch: A folder for what is measured on.
        rounds: Turns of every contestant.
        quick: Whether a look at nano models is enough.
        real: A trained checkpoint with recordings, if one was given.
    """

    scratch: Path
    rounds: int
    quick: bool
    real: Real | None

    @property
    def checkpoints(self) -> Checkpoints:
        """Untrained models; each is written once."""
        return Checkpoints(self.scratch)

    def new_folder(self, name: str) -> Path:
        """Return a path in the scratch folder where nothing is."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch)) / name
