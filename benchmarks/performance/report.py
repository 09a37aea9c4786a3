"""Figures for people: tables in a marked region of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from audioforge.files.atomic import write_text

Row = Mapping[str, Any]


def write_region(page: Path, name: str, body: str) -> None:
    """Replace what stands between the marks of a region.

    Raises:
        ValueError: If the page has no such region.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, mark, rest = text.partition(begin)
    _, other, after = rest.partition(end)
    if not (mark and other):
        raise ValueError(f"{page} has no region between {begin} and {end}")
    write_text(page, f"{before}{begin}\n\n{body.strip()}\n\n{end}{after}")


def tables(content: Mapping[str, Any]) -> str:
    """Return the machine and a section for each subject, in Markdown."""
    parts = [_machine_line(content["machine"])]
    measured = {subject: rows for subject, rows in content["measurements"].items() if rows}
    for subject, rows in measured.items():
        parts.append(f"### {subject[0].upper()}{subject[1:]}")
        for unit in dict.fromkeys(row["unit"] for row in rows.values()):
            alike = {name: row for name, row in rows.items() if row["unit"] == unit}
            parts.append(_table(unit, alike))
            parts += _ratio_table(alike) if "s" in unit.split() else []
        parts += _detail_tables(rows)
        parts += _reasons(rows.values())
    return "\n\n".join(parts)


def figure(value: float) -> str:
    """Return three significant figures, without an exponent."""
    digits = f"{value:.3g}"
    return f"{value:.0f}" if "e" in digits else digits


def own_name(names: Iterable[str]) -> str | None:
    """Return AudioForge's first column, which others are compared with."""
    return next((name for name in names if name.startswith("AudioForge")), None)


def _machine_line(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = machine.get("gpu") or f"{machine['cpu']} ({', '.join(machine['flags'])})"
    threads = machine["threads"]
    return (
        f"{where}, {threads} thread{'s' if threads > 1 else ''} of {machine['cores']} cores; "
        f"Python {machine['python']}, {versions}. Medians, and the least and the most in brackets."
    )


def _columns(rows: Mapping[str, Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows.values() for name in row["values"])
    return [*(n for n in names if n != "floor"), *(n for n in names if n == "floor")]


def _table(unit: str, rows: Mapping[str, Row]) -> str:
    columns = _columns(rows)
    lines = [f"| {unit} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name, row in rows.items():
        cells = [_cell(row["values"].get(column)) for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: Mapping[str, float] | None) -> str:
    if value is None:
        return ""
    if value["turns"] == 1:
        return figure(value["median"])
    return f"{figure(value['median'])} ({figure(value['min'])}–{figure(value['max'])})"


def _ratio_table(rows: Mapping[str, Row]) -> list[str]:
    """Return what others cost in times of AudioForge's, where there are others."""
    columns = _columns(rows)
    own = own_name(columns)
    others = [name for name in columns if name != own]
    if own is None or not others:
        return []
    lines = [f"| times {own} | {' | '.join(others)} |", f"| --- |{' ---: |' * len(others)}"]
    for name, row in rows.items():
        values = row["values"]
        cells = [
            f"{values[other]['median'] / values[own]['median']:.2f}"
            if other in values and own in values
            else ""
            for other in others
        ]
        if any(cells):
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return ["\n".join(lines)]


def _detail_tables(rows: Mapping[str, Row]) -> list[str]:
    """Return a table for each detail that has several figures, such as peak memory."""
    details = {
        key: None
        for row in rows.values()
        for key, value in row["details"].items()
        if isinstance(value, Mapping)
    }
    parts = []
    for key in details:
        found = {name: row["details"].get(key, {}) for name, row in rows.items()}
        columns = [*dict.fromkeys(column for values in found.values() for column in values)]
        lines = [f"| {key} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
        for name, values in found.items():
            cells = [figure(values[column]) if column in values else "" for column in columns]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return parts


def _reasons(rows: Iterable[Row]) -> list[str]:
    """Return who was not measured, and why."""
    reasons = dict.fromkeys(
        f"{name}: not measured, {why}" for row in rows for name, why in row["missing"].items()
    )
    return ["\n".join(f"- {reason}." for reason in reasons)] if reasons else []
