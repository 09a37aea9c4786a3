"""The listener that keeps `report.html` as far as the run is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.errors import describe
from audioforge.report.write import REPORT, write_report
from audioforge.run.events import Listener, MeasuredCycle
from audioforge.terminal.reporter import Reporter


class ReportFile(Listener):
    """Writes the page of a run after each evaluation and at the end; no run fails by it.

    Args:
        root: The run folder.
        reporter: Where to say that it cannot be written.
    """

    def __init__(self, root: Path, reporter: Reporter) -> None:
        """Nothing is written yet."""
        self._root = root
        self._reporter = reporter

    def measured(self, cycle: MeasuredCycle) -> None:
        """Write it with a cycle more."""
        if not cycle.recalled:
            self._write()

    def ended(self, summary: Mapping[str, Any] | None) -> None:
        """Write it with the result; what a run leaves that stops here has its page already."""
        if summary is not None:
            self._write()

    def _write(self) -> None:
        write_page(self._root, self._reporter)


def write_page(root: Path, reporter: Reporter) -> None:
    """Write the page of a run, or warn that it cannot be written.

    Args:
        root: The run folder.
        reporter: Where to say so.
    """
    try:
        write_report(root)
    except Exception as error:  # whatever is wrong with a page, the run is worth more
        reporter.warn(
            f"{root / REPORT} cannot be written: {describe(error)}. The run goes on; "
            f"audioforge report {root} makes it when that is mended."
        )
