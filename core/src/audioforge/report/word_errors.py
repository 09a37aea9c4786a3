"""How right each output is: as the run wrote it, or measured anew by the same function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from audioforge.errors import AudioForgeError
from audioforge.measuring.predictions import TRUTH
from audioforge.measuring.remeasured import remeasured
from audioforge.plugins import discover
from audioforge.report.record import Line, RunRecord

EDITS = ("substitutions", "deletions", "insertions")
UNITS = ("reference_words", "reference_units")
"""Words of a reference, or characters of one in a script without spaces."""


@frozen
class Errors:
    """Word errors of one output.

    Attributes:
        edits: Substitutions, deletions and insertions.
        units: Words of the reference; 0 where nothing is said.
    """

    edits: tuple[int, int, int]
    units: int

    @property
    def count(self) -> int:
        """All edits."""
        return sum(self.edits)


def errors_of(values: Mapping[str, Any]) -> Errors | None:
    """Return the word errors that a line or a score's metrics hold; None where they hold none."""
    units = [values[name] for name in UNITS if values.get(name) is not None]
    if not units or any(values.get(edit) is None for edit in EDITS):
        return None
    substituted, deleted, inserted = (int(values[edit]) for edit in EDITS)
    return Errors((substituted, deleted, inserted), int(units[0]))


def measured_lines(record: RunRecord, lines: Sequence[Line]) -> Sequence[Line]:
    """Return lines of predictions that say how right they are, where that can be known.

    A run of an older version did not write it; its lines are measured with its normaliser.
    """
    if not lines or any(key in line for line in lines for key in TRUTH):
        return lines
    try:
        return remeasured(discover(), lines, record.task, str(record.settings.get("normalizer")))
    except AudioForgeError:  # a task whose outputs say nothing by themselves, or no verifier
        return lines
