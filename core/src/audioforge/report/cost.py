"""The fifth section: what the run took."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.report.compared import Compared
from audioforge.report.components import chart, paragraph, tiles
from audioforge.report.components import table as made_table
from audioforge.report.duration import duration
from audioforge.report.markup import Content
from audioforge.report.nodes import nodes
from audioforge.report.page import Section
from audioforge.report.record import RunRecord
from audioforge.report.series import Series, bars

PHASES = {"rollout": "--accent", "verify": "--other", "update": "--best", "evaluate": "--wait"}
GB = 10**9


def cost(record: RunRecord, rows: Sequence[Compared]) -> Section:
    """Return the section.

    Args:
        record: The run.
        rows: The held-out utterances.
    """
    figures: dict[str, tuple[Content, Content]] = {}
    cycles = sum(sum(row["seconds"].values()) for row in record.cycles)
    if record.summary is not None:
        total = record.summary["seconds"]
        others = f"{duration(max(0.0, total - cycles))} of it outside cycles: base, export, test"
        figures["Whole run"] = (duration(total), others)
    elif record.cycles:
        figures["Finished cycles"] = (duration(cycles), "the run is not finished")
    peak = max((row.get("peak_memory") or 0 for row in record.cycles), default=0)
    if peak:
        figures["Memory of the process"] = (f"{peak / GB:.1f} GB", "at most, so far")
    device = max((row.get("peak_device_memory") or 0 for row in record.cycles), default=0)
    if device:
        figures["Memory of the accelerator"] = (f"{device / GB:.1f} GB", "at most, so far")
    heard = sum(row.line.get("duration") or 0.0 for row in rows)
    evaluating = [
        row["seconds"]["evaluate"] for row in record.cycles if row["seconds"].get("evaluate")
    ]
    if heard and evaluating and not (record.base or {}).get("retention"):
        rtfx = heard * len(evaluating) / sum(evaluating)
        figures["Speed (RTFx)"] = (
            f"{rtfx:.1f} ×",
            f"held-out sound ÷ time to evaluate it ({duration(heard)} of sound a cycle)",
        )
    content: list[Content] = [tiles(figures) if figures else None]
    content.append(_phases(record) if record.cycles else paragraph("No cycle is finished."))
    content += nodes(record)
    return Section("cost", "What did it cost?", content)


def _phases(record: RunRecord) -> Content:
    names = [str(row["cycle"]) for row in record.cycles]
    series = [
        Series(phase, [row["seconds"].get(phase) for row in record.cycles], colour=colour)
        for phase, colour in PHASES.items()
    ]
    rows: list[list[Content]] = [
        [
            name,
            *(duration(row["seconds"].get(phase, 0.0)) for phase in PHASES),
            duration(sum(row["seconds"].values())),
        ]
        for name, row in zip(names, record.cycles, strict=True)
    ]
    total = {
        phase: sum(row["seconds"].get(phase, 0.0) for row in record.cycles) for phase in PHASES
    }
    most = max(total, key=lambda phase: total[phase])
    return chart(
        "Seconds by cycle and phase",
        f"Most goes into {most}: {duration(total[most])}.",
        bars(names, series, stacked=True),
        made_table("Time by cycle", ["cycle", *PHASES, "together"], rows),
    )
