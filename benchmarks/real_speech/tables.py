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
    NONNATIVE: {
        ("all", "wer"): "WER",
        ("all", "runaway"): "run-away",
        ("all", "wer_without_runaway"): "WER without",
        ("adults", "wer"): "adults",
        ("children", "wer"): "children",
    },
    COFFEE: {
        ("orders", "slot_f1"): "slot F1",
        ("orders", "orders_right"): "orders all right",
        ("orders", "wer"): "WER",
        (NOISY, "slot_f1"): "noisy: slot F1",
        (NOISY, "orders_right"): "noisy: all right",
    },
}
"""The columns of a corpus by set and metric; the first has its difference to the base beside it."""
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
    seeds = ", ".join(map(str, content["seeds"]))
    processors = " and ".join(content["processors"])
    return (
        f"`{content['model']}` on {processors}, {machine['threads']} of {machine['cores']} "
        f"cores a run; Python {machine['python']}, {versions}. The cycles of all runs took "
        f"{content['seconds'] / 3600:.1f} hours. Mean over seeds {seeds} ± standard deviation "
        f"between them; differences to the base in points with 95 % intervals."
    )


def _test_table(rows: Sequence[Row], columns: Mapping[tuple[str, str], str]) -> str:
    """Return a line for each model: its figures, the style of its outputs, and read speech."""
    cells = {(row["subject"], row["set"], row["metric"]): row for row in rows}
    measured = {(row["set"], row["metric"]) for row in rows}
    shown = {column: head for column, head in columns.items() if column in measured}
    reading = {(name, "wer"): f"read speech, {name}" for name in READ_SPEECH}
    heads = ["model", *shown.values(), "capitals, punctuation", *reading.values()]
    heads[2:2] = ["difference", "errors"]
    lines = []
    for subject in dict.fromkeys(row["subject"] for row in rows):
        found = [cells.get((subject, *column)) for column in shown]
        line = [subject, *map(_value, found), _style(found[0])]
        line[2:2] = [_difference(found[0]), _errors(found[0])]
        line += [_with_difference(cells.get((subject, *column))) for column in reading]
        lines.append(line)
    return _markdown(heads, lines)


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
                _oracle(row),
                f"{CAPTIONS[row['metric']]} {percent(runs[0]['base'])}",
                _value(row),
                "; ".join(point_interval(*run["difference_ci95"]) for run in runs),
                ", ".join(str(run["cycle"]) for run in runs),
                f"{sum(run['exported'] for run in runs)} of {len(runs)}",
                f"{row['seconds']:.0f}",
            ]
        )
    heads = ["arm", "stages", "train: greedy → oracle", "base", "trained"]
    heads += ["to what it began with, points, 95 %", "best cycle", "improved", "s a run"]
    return _markdown(heads, lines)


def _oracle(row: Row) -> str:
    """Return what the best of each training clip's hypotheses would come to, beside greedy."""
    offered, metric = row["runs"][0]["learnability"], row["metric"]
    if offered is None:
        return ""
    rates = (percent(offered[f"{which}_{metric}"]) for which in ("greedy", "oracle"))
    return f"{' → '.join(rates)} of {offered['k']}"


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


def _style(row: Row | None) -> str:
    return ", ".join(percent(share, digits=0) for share in row["style"].values()) if row else ""


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
