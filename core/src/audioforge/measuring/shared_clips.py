"""What two datasets of a run share, in a record and in a sentence."""

from __future__ import annotations

from attrs import frozen


@frozen
class Overlap:
    """What two datasets of a run share.

    Attributes:
        measured_role: Role of the set that is measured on, such as "test".
        measured: Name of that set.
        used_role: Role of the set that the model learnt from, or that chose the model.
        used: Name of that set.
        clips: How many of the measured clips are in the other set too.
        total: How many measured clips there are.
    """

    measured_role: str
    measured: str
    used_role: str
    used: str
    clips: int
    total: int

    def __str__(self) -> str:
        """Say what is shared, in a sentence without its full stop."""
        return (
            f"{self.clips} of {self.total} clips of the {self.measured_role} set {self.measured} "
            f"are also in the {self.used_role} set {self.used}: figures measured on them flatter "
            f"the model"
        )
