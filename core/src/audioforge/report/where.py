"""The second section: where it is better and where worse."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from audioforge.report.compared import Compared, Group, groups
from audioforge.report.components import chart, notes, side_by_side, table
from audioforge.report.markup import Content, Markup, foreign, joined
from audioforge.report.page import Section
from audioforge.report.record import RunRecord
from audioforge.report.series import Number, Series, bars, lines
from audioforge.terminal.figures import percent, percent_interval

MOST_BARS = 12
"""Groups that a chart shows; the table has more."""
MOST_ROWS = 200
MOST_VALUES = 30
"""Different values of a column up to which it makes groups; more are names, not groups."""
FEWEST_EACH = 2
"""Utterances that a value must have on average."""
LENGTHS = (2.0, 5.0, 10.0, 20.0)
"""Seconds at which lengths are divided."""
LENGTH_NAMES = (
    *(f"{low:g} to {high:g} s" for low, high in zip((0.0, *LENGTHS), LENGTHS, strict=False)),
    f"over {LENGTHS[-1]:g} s",
)

Key = Callable[[Compared], str | None]


def where(record: RunRecord, rows: Sequence[Compared]) -> Section:
    """Return the section.

    Args:
        record: The run.
        rows: The held-out utterances.
    """
    content: list[Content] = []
    if record.base is not None:
        content.append(_by_cycle(record))
    named: dict[str, Key] = {
        "speaker": lambda row: _text(row.line.get("speaker")),
        "length": lambda row: length(row.line.get("duration")),
        "language": lambda row: _text(row.line.get("language")),
    }
    if record.task == "classification":
        named["class"] = lambda row: _text(row.line.get("text"))
    columns, unused = _columns(rows)
    metric = record.metric or ""
    figures: list[Content] = []
    alone: list[Content] = []
    for name, key in {**named, **columns}.items():
        found = [group for group in groups(rows, metric, key) if group.units]
        if name == "length":
            found.sort(key=lambda group: LENGTH_NAMES.index(group.name))
        else:
            found.sort(key=lambda group: (-group.units, group.name))
        if len(found) > 1:
            figures.append(_by_group(record, name, found))
        elif found:
            alone.append(joined(name, ": all ", foreign(found[0].name)))
        elif rows:
            alone.append(f"{name}: not known, or nothing can be counted")
    content.append(side_by_side(*figures) if figures else None)
    said: list[Content] = [joined("Not divided by ", one, ".") for one in alone]
    if unused:
        said.append(
            joined("Columns with too many values to divide by: ", foreign(", ".join(unused)), ".")
        )
    if rows and not columns:
        said.append(
            "No other columns of the data are known; those of a manifest are kept with predictions."
        )
    content.append(notes(said, "note"))
    return Section("where", "Where?", content)


def length(seconds: Any) -> str | None:
    """Return the range of lengths that a clip is in.

    >>> length(3.2), length(100)
    ('2 to 5 s', 'over 20 s')
    """
    if not isinstance(seconds, int | float):
        return None
    return LENGTH_NAMES[bisect(LENGTHS, seconds)]


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _columns(rows: Sequence[Compared]) -> tuple[dict[str, Key], list[str]]:
    """Return what divides by each further column, and columns that cannot divide."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in (row.line.get("metadata") or {}).items():
            values.setdefault(str(name), []).append(value)
    keys: dict[str, Key] = {}
    unused = []
    for name, found in values.items():
        different = set(map(str, found))
        numbers = [v for v in found if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(different) <= min(MOST_VALUES, len(found) / FEWEST_EACH):
            keys[name] = lambda row, name=name: _text((row.line.get("metadata") or {}).get(name))  # type: ignore[misc]
        elif len(numbers) == len(found):
            keys[name] = _quarter(name, numbers)
        else:
            unused.append(name)
    return keys, unused


def _quarter(name: str, numbers: Sequence[float]) -> Key:
    """Return what divides a column of many numbers into four parts of one size."""
    bounds = np.quantile(np.array(numbers, dtype=float), [0.0, 0.25, 0.5, 0.75, 1.0])

    def key(row: Compared) -> str | None:
        value = (row.line.get("metadata") or {}).get(name)
        if value is None:
            return None
        part = int(np.searchsorted(bounds[1:-1], value, side="left"))
        return f"{bounds[part]:.4g} to {bounds[part + 1]:.4g}"

    return key


def _by_cycle(record: RunRecord) -> Markup:
    base, metric = record.base, record.metric
    assert base is not None
    assert metric is not None
    entries = [base, *record.cycles]
    names = ["base", *(str(row["cycle"]) for row in record.cycles)]

    def scaled(values: Sequence[Number]) -> list[Number]:
        return [None if value is None else 100 * value for value in values]

    held = Series(
        "held out",
        scaled([row[metric] for row in entries]),
        scaled([row["ci95"][0] for row in entries]),
        scaled([row["ci95"][1] for row in entries]),
    )
    series = [held]
    for name, colour in zip(
        base.get("retention", {}), ("--other", "--wait", "--worse"), strict=False
    ):
        kept = [row["retention"].get(name) for row in entries]
        series.append(
            Series(f"retention {name}", scaled([k and k[k["metric"]] for k in kept]), colour=colour)
        )
    rows: list[list[Content]] = [
        [name, percent(row[metric]), percent_interval(*row["ci95"]), f"{row['n']:,}"]
        for name, row in zip(names, entries, strict=True)
    ]
    numbers = table(f"{record.title} by cycle", ["cycle", record.title, "95 %", "utterances"], rows)
    told = "The band is the 95 % interval of each value by itself."
    if record.trained_name:
        told = f"Below, {record.trained_name} stands beside the base. {told}"
    return chart(f"{record.heading} by cycle", told, lines(names, series, "%", "cycle"), numbers)


def _by_group(record: RunRecord, name: str, found: Sequence[Group]) -> Markup:
    models = ["base", *([record.trained_name] if record.trained_name else [])]
    shown = found
    if len(found) > MOST_BARS:
        shown = sorted(found, key=lambda group: -abs(group.change))[:MOST_BARS]
    values = [[g.base for g in shown], [g.best for g in shown]][: len(models)]
    series = [
        Series(model, [None if v is None else 100 * v for v in rates], colour=colour)
        for model, rates, colour in zip(models, values, ("--accent", "--best"), strict=False)
    ]
    rows: list[list[Content]] = []
    for group in found[:MOST_ROWS]:
        rates = [percent(group.base), percent(group.best)][: len(models)]
        change = [f"{100 * group.change:+.1f}"] if len(models) > 1 else []
        counts = [f"{group.utterances:,}", f"{group.units:,.0f}"]
        rows.append([foreign(group.name), *rates, *change, *counts])
    counted = "words" if record.metric == "wer" else "counted"
    heads = [name, *models, *(["points"] if len(models) > 1 else []), "utterances", counted]
    title = f"{record.heading} by {name}"
    told = f"{len(found)} groups of {sum(g.utterances for g in found):,} utterances."
    if len(models) > 1:
        sign = 1 if record.higher_is_better else -1
        better = sum(sign * g.change > 0 for g in found)
        told += f" {better} better, {sum(sign * g.change < 0 for g in found)} worse."
    if len(found) > MOST_BARS:
        told += f" Drawn are the {MOST_BARS} that changed most."
    option = bars([g.name for g in shown], series, "%", lying=True)
    return chart(title, told, option, table(title, heads, rows))
