"""The kept figures for people: Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audioforge.measuring.resampling import claimed_speakers
from audioforge.terminal.figures import percent, point_interval
from real_speech.arms import COFFEE, NONNATIVE
from real_speech.measuring import NOISY, READ_SPEECH

Row = Mapping[str, Any]

CAPTIONS = {"wer": "WER", "slot_f1": "slot F1", "orders_right": "orders all right"}
COLUMNS = {
    NONNATIVE: [("all", "wer"), ("adults", "wer"), ("children", "wer")],
    COFFEE: [
        ("orders", "slot_f1"),
        ("orders", "orders_right"),
        ("orders", "wer"),
        (NOISY, "slot_f1"),
        (NOISY, "orders_right"),
    ],
}
"""Set and metric of each column of a corpus; the first has its interval beside it."""
TITLES = {NONNATIVE: "Sentences of other non-native speakers", COFFEE: "Orders of other voices"}


def tables(content: Mapping[str, Any]) -> str:
    """Return everything that was kept, section by section."""
    parts = [_machine_line(content)]
    for corpus, title in TITLES.items():
        rows = [row for row in content["test"] if row["corpus"] == corpus]
        if rows:
            parts += [f"### {title}", _test_table(rows, COLUMNS[corpus]), _claims(rows)]
    if content["pairs"]:
        parts += ["### One against another", _pairs_table(content["pairs"])]
    if content["heldout"]:
        parts += ["### On held-out clips", _heldout_table(content["heldout"])]
        parts += ["### The command of each row", _commands(content["heldout"])]
    return "\n\n".join(parts)


def _machine_line(content: Mapping[str, Any]) -> str:
    machine = content["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    total = sum(run["seconds"] for row in content["heldout"] for run in row["runs"])
    return (
        f"`{content['model']}` on {machine['cpu']}, {machine['threads']} of {machine['cores']} "
        f"cores a run; Python {machine['python']}, {versions}. The cycles of all runs took "
        f"{total / 3600:.1f} hours. Mean over seeds ± standard deviation between them; differences "
        f"to the base in points with 95 % intervals."
    )


def _test_table(rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> str:
    cells = {(row["subject"], row["set"], row["metric"]): row for row in rows}
    shown = [c for c in columns if any((r["set"], r["metric"]) == c for r in rows)]
    reading = [name for name in READ_SPEECH if any(row["set"] == name for row in rows)]
    heads = [f"{name}: {CAPTIONS[metric]}" for name, metric in shown]
    heads[1:1] = ["difference", "errors"]
    lines = []
    for subject in dict.fromkeys(row["subject"] for row in rows):
        found = [cells.get((subject, *column)) for column in shown]
        figures = [_value(row) for row in found]
        figures[1:1] = [_difference(found[0]), _errors(found[0])]
        read = [cells.get((subject, name, "wer")) for name in reading]
        figures += [_with_difference(row) for row in read]
        lines.append([subject, *figures])
    return _markdown(["model", *heads, *(f"read speech, {name}" for name in reading)], lines)


def _pairs_table(rows: Sequence[Row]) -> str:
    return _markdown(
        ["", "against", "on", "", "difference", "errors"],
        [
            [
                row["subject"],
                row["against"],
                row["set"],
                CAPTIONS[row["metric"]],
                _difference(row),
                _errors(row),
            ]
            for row in rows
        ],
    )


def _heldout_table(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        runs = row["runs"]
        lines.append(
            [
                row["arm"],
                " then ".join(f"`{stage}`" for stage in row["stages"]),
                f"{CAPTIONS[row['metric']]} {percent(runs[0]['base'])}",
                _value(row),
                "; ".join(point_interval(*run["difference_ci95"]) for run in runs),
                ", ".join(str(run["cycle"]) for run in runs),
                f"{sum(run['exported'] for run in runs)} of {len(runs)}",
                f"{row['seconds']:.0f}",
            ]
        )
    heads = ["arm", "stages", "base", "trained", "to what it began with, points, 95 %"]
    return _markdown([*heads, "best cycle", "improved", "s a run"], lines)


def _commands(rows: Sequence[Row]) -> str:
    """Return the commands as a shell takes them, once where arms have one in common."""
    lines: dict[str, str] = {}
    for row in rows:
        for command in row["commands"]:
            lines.setdefault(command, row["arm"])
    told = "\n".join(f"# {arm}\n{command}" for command, arm in lines.items())
    return f"```sh\nDATA=… MODEL=… OUT=…\n{told}\n```"


def _claims(rows: Iterable[Row]) -> str:
    """Return what the intervals are about: how many speakers."""
    claims = {row["set"]: claimed_speakers(row["interval"]) for row in rows}
    counts = {row["set"]: row["n"] for row in rows}
    told = (f"{name}, {counts[name]} clips, {claim}" for name, claim in claims.items())
    return f"Intervals: {'; '.join(told)}."


def _value(row: Row | None) -> str:
    if row is None:
        return ""
    spread = row["spread"]
    return percent(row["mean"]) + ("" if spread is None else f" ± {100 * spread:.1f}")


def _difference(row: Row | None) -> str:
    return point_interval(*row["difference_ci95"]) if row and "difference_ci95" in row else ""


def _errors(row: Row | None) -> str:
    return f"{100 * row['errors']:+.0f} %" if row and row.get("errors") is not None else ""


def _with_difference(row: Row | None) -> str:
    difference = _difference(row)
    return f"{_value(row)} ({difference})" if difference else _value(row)


def _markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
