"""The figures on disk: every measurement is written into a JSON file as soon as it is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.files.atomic import write_text
from performance.subjects import Measurement
from performance.timing import Figures, median

DIGITS = 4
"""Significant figures of a value."""


class Results:
    """What was measured on one machine with one set of versions.

    Args:
        path: The JSON file; one of another machine or other versions is begun anew.
        machine: As `machine.machine()` returns it.
    """

    def __init__(self, path: Path, machine: Mapping[str, Any]) -> None:
        """Read what there is."""
        self._path = path
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self.taken_over = known.get("machine") == machine
        self._content: dict[str, Any] = {
            "machine": dict(machine),
            "measurements": known["measurements"] if self.taken_over else {},
        }

    def has(self, measurement: Measurement, revision: str) -> bool:
        """Say whether a measurement was made at this commit."""
        found = self.rows(measurement.subject).get(measurement.name)
        return found is not None and found["revision"] == revision

    def forget(self, subject: str) -> None:
        """Begin a subject anew: what is not measured any more is not to stay."""
        if subject in self._content["measurements"]:
            self._content["measurements"][subject] = {}

    def rows(self, subject: str) -> dict[str, Any]:
        """Return what was measured of a subject, by name."""
        rows: dict[str, Any] = self._content["measurements"].get(subject, {})
        return rows

    def add(self, measurement: Measurement, figures: Figures, revision: str) -> None:
        """Write a measurement down."""
        values = {
            name: {
                "median": _rounded(median(turns)),
                "min": _rounded(min(turns)),
                "max": _rounded(max(turns)),
                "turns": len(turns),
            }
            for name, turns in figures.values.items()
        }
        row = {
            "unit": figures.unit,
            "values": values,
            "missing": dict(figures.missing),
            "details": dict(figures.details),
            "revision": revision,
        }
        self._content["measurements"].setdefault(measurement.subject, {})[measurement.name] = row
        write_text(self._path, json.dumps(self._content, indent=1, ensure_ascii=False) + "\n")

    @property
    def content(self) -> Mapping[str, Any]:
        """Everything, as the file has it."""
        return self._content


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
