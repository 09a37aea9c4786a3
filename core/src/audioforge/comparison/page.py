"""A comparison as one HTML page, in the shell of a run's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audioforge.comparison.comparison import ComparedSet, Comparison
from audioforge.comparison.entry import SetOutputs
from audioforge.comparison.figures import Figure
from audioforge.comparison.outputs import Lines, mean_parts
from audioforge.comparison.wording import (
    PER_HUNDRED,
    caveats,
    fewer_utterances,
    shown_models,
    title,
    verdicts,
)
from audioforge.report import series
from audioforge.report.components import chart, notes, paragraph, table, utterances
from audioforge.report.markup import Content, foreign
from audioforge.report.page import Section, page
from audioforge.report.sound import link
from audioforge.terminal.figures import measured, measured_interval

MOST_ROWS = 5_000
"""Utterances on which a pair differs that a page has, those with the largest differences first."""

LONGEST = 2_000
"""Characters of an output that are shown."""


def comparison_page(comparison: Comparison, folder: Path) -> str:
    """Return the page.

    Args:
        comparison: What it shows.
        folder: Where it will lie, from which links to sound count.
    """
    names = [entry.name for entry in comparison.entries]
    sections = [_came_of_it(comparison, one) for one in comparison.sets]
    sections.append(Section("settings", "Settings that differ", [_settings(comparison, names)]))
    shown = [s for one in comparison.sets for s in _pair_sets(comparison, one, folder)]
    sections.append(Section("clips", "Utterances on which they differ", [utterances(shown)]))
    sections.append(Section("limits", "What these figures say", [notes(caveats(comparison))]))
    of = title(comparison.metric)
    lead = paragraph(f"{of} of {len(names)} exported models on the utterances that all share.")
    return page(" against ".join(names), [lead], sections)


def _came_of_it(comparison: Comparison, one: ComparedSet) -> Section:
    told = [paragraph(sentence) for sentence in verdicts(comparison, one)]
    gains = []
    for figures in one.figures:
        if figures.gain is not None:
            value, (low, high) = figures.gain.value, figures.gain.interval
            drawn_as = (figures.name, 100 * value, 100 * low, 100 * high)
            gains.append(series.Difference(*drawn_as, is_own=True))
    content: list[Content] = [*told]
    if gains:
        better = "right" if comparison.higher_is_better else "left"
        drawn = series.differences(gains, f"{title(comparison.metric)}, points")
        numbers = table(
            "Differences to the base",
            ["run", "difference", "95 %"],
            [
                [gain.name, f"{gain.value:+.1f}", f"{gain.low:+.1f} to {gain.high:+.1f}"]
                for gain in gains
            ],
        )
        told_of = f"Each exported model against its base, with 95 % intervals; {better} is better."
        content.append(chart("What training changed", told_of, drawn, numbers))
    content += _figures(one)
    name = f"{one.name[:1].upper()}{one.name[1:]}"
    identity = one.name.replace(" ", "-")
    return Section(identity, f"{name}: {len(one.ids):,} utterances", content)


def _figures(one: ComparedSet) -> list[Content]:
    """Return a table of every entry for each metric, base and exported."""
    made: list[Content] = []
    for metric in one.figures[0].exported:
        heads = ["run", "base", "95 %", "exported", "95 %"]
        rows: list[list[Content]] = [
            [f.name, *_cells(metric, f.base.get(metric)), *_cells(metric, f.exported[metric])]
            for f in one.figures
        ]
        fewer = fewer_utterances(one, metric)
        of = f"{one.name}: {fewer}" if fewer else one.name
        made.append(table(f"{title(metric)}, {of}", heads, rows))
    return made


def _cells(metric: str, figure: Figure | None) -> list[str]:
    if figure is None or figure.interval is None:
        return ["", ""]
    return [measured(metric, figure.value), measured_interval(metric, *figure.interval)]


def _settings(comparison: Comparison, names: Sequence[str]) -> Content:
    if not comparison.settings:
        return paragraph("None differs.")
    rows: list[list[Content]] = [
        [name, *(None if value is None else foreign(value) for value in values)]
        for name, values in comparison.settings.items()
    ]
    return table("What each has", ["setting", *names], rows, words=1 + len(names))


def _pair_sets(comparison: Comparison, one: ComparedSet, folder: Path) -> list[dict[str, Any]]:
    """Return the table's sets: the first entry beside each other one."""
    first, *others = comparison.entries
    own, *shown = one.shown
    sign = 1 if comparison.higher_is_better else -1
    told_of = shown_models(comparison, one)
    made = []
    for other, theirs in zip(others, shown, strict=True):
        pair = own, theirs
        gained = _gained(pair, one.ids, comparison.metric, sign)
        rows = [
            _row(pair, i, gained[i], folder)
            for i in sorted(gained, key=lambda i: -abs(gained[i]))[:MOST_ROWS]
        ]
        note = f"They differ on {len(gained):,} of {len(one.ids):,} utterances. "
        if len(gained) > MOST_ROWS:
            note += f"Here are the {MOST_ROWS:,} where they differ most. "
        made.append(
            {
                "name": f"{first.name} against {other.name}, {one.name}",
                "note": f"{note}{told_of} “Better” is where {first.name} is.",
                "unit": "errors" if comparison.metric in PER_HUNDRED else "result",
                "outputs": [*(["base"] if pair[0].base else []), other.name, first.name],
                "rows": rows,
            }
        )
    return made


def _gained(
    pair: tuple[SetOutputs, SetOutputs], ids: Sequence[str], metric: str, sign: int
) -> dict[str, float]:
    """Return by how much the first is better, of each utterance on which a pair differs."""
    gained = {}
    for identity in ids:
        own, theirs = (mean_parts(one.exported, identity, metric) for one in pair)
        if own is not None and theirs is not None and own[0] != theirs[0]:
            gained[identity] = sign * (own[0] - theirs[0])
    return gained


def _row(
    pair: tuple[SetOutputs, SetOutputs], identity: str, gained: float, folder: Path
) -> dict[str, Any]:
    """Return one utterance as the table's script reads it; see `components.utterances`."""
    first, other = pair
    line = first.exported[0][identity]
    systems: list[Sequence[Lines]] = [*([first.base] if first.base else [])]
    systems += [other.exported, first.exported]
    known = {
        "id": identity,
        "reference": line.get("text"),
        "speaker": line.get("speaker"),
        "language": line.get("language"),
        "seconds": line.get("duration"),
        "metadata": line.get("metadata"),
        "sound": link(folder, dict(line)),
    }
    outputs = [_output(seeds[0][identity]) for seeds in systems]
    return {k: v for k, v in known.items() if v is not None} | {
        "outputs": outputs,
        "change": round(gained, 2),
    }


def _output(line: Mapping[str, Any]) -> dict[str, Any]:
    said = line.get("pred_text")
    made: dict[str, Any] = {} if said is None else {"text": str(said)[:LONGEST]}
    edits = [line.get(name) for name in ("substitutions", "deletions", "insertions")]
    if None not in edits:
        made["errors"] = edits
    elif "correct" in line:
        made["right"] = line["correct"]
    if line.get("runaway"):
        made["badges"] = ["run-away"]
    return made
