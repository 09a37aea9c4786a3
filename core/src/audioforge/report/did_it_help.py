"""The first section: base against best, beside other runs, and what was missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from audioforge.measuring.enough_utterances import FEW, FEWEST
from audioforge.measuring.resampling import claimed_speakers
from audioforge.measuring.shared_clips import Overlap
from audioforge.report.components import chart, details, notes, paragraph, table, tiles
from audioforge.report.markup import Content, Markup, foreign, joined, tag
from audioforge.report.page import Section
from audioforge.report.record import RunRecord, Values
from audioforge.report.series import Difference, differences
from audioforge.terminal.figures import percent, percent_interval, point_interval
from audioforge.terminal.runaway_rates import runaway_cell


def verdict(record: RunRecord) -> Markup:
    """Return the one sentence that stands above all."""
    if record.base is None or record.metric is None:
        return paragraph("Not finished: the base model is not measured yet.", kind="verdict")
    best, metric = record.best, record.metric
    assert best is not None
    before, after = percent(record.base[metric]), percent(best[metric])
    summary = record.summary
    if summary is None:
        planned = record.settings.get("num_cycles", "?")
        count = len(record.cycles)
        said = f"Not finished: {count} of {planned} cycles are done. "
        so_far = f"Held-out {record.title} {before} → {after} with the best cycle so far."
        return paragraph(
            said, so_far if best["cycle"] else "No cycle is better so far.", kind="verdict"
        )
    if summary["improved"]:
        low, high = best["difference_ci95"]
        return paragraph(
            tag("strong", f"Improved: held-out {record.title} {before} → {after}"),
            f", a difference of {100 * (best[metric] - record.base[metric]):+.1f} points "
            f"(95 % interval {point_interval(low, high)}). ",
            _tested(record),
            kind="verdict good",
        )
    rejected = best.get("rejected")
    tried = ""
    if rejected:
        span = point_interval(*rejected["difference_ci95"])
        tried = f" The best cycle reached {percent(rejected[metric])} (interval {span} points)."
    return paragraph(
        tag("strong", "Not improved"),
        f": {summary['reason']}.{tried} best/ holds the base model's weights. ",
        _tested(record),
        kind="verdict" if not rejected else f"verdict {_harm(record, rejected)}",
    )


def did_it_help(record: RunRecord, others: Sequence[RunRecord]) -> Section:
    """Return the section.

    Args:
        record: The run.
        others: Runs to compare it with: controls and seeds.
    """
    content: list[Content] = []
    if record.base is not None:
        content += [_tiles(record), _beside(record, others), _sets(record)]
    missing = what_was_missing(record)
    content.append(tag("h3", "What was missing"))
    content.append(notes(missing) if missing else paragraph("Nothing that is known."))
    return Section("help", "Did it help?", content)


def what_was_missing(record: RunRecord) -> list[Content]:
    """Return a sentence for each thing that limits what the figures say."""
    said: list[Content] = []
    base, summary = record.base, record.summary
    if summary is None:
        said.append(
            "The run is not finished: nothing is exported yet. audioforge train --resume "
            "goes on with one that was stopped; audioforge report makes this page anew."
        )
    if base is not None:
        measured = base.get("measured", base["n"])
        if measured < FEWEST:
            said.append(
                f"{measured} held-out utterances: fewer than {FEWEST} cannot tell a gain from luck."
            )
        elif measured < FEW:
            said.append(
                f"{measured} held-out utterances: only a large difference can be told from luck."
            )
        if measured < base.get("total", measured):
            lost = base["total"] - measured
            said.append(
                f"{lost:,} of {base['total']:,} held-out utterances are not in the figures."
            )
        if not base["interval"]["speakers"]:
            said.append(
                "No speakers are known for all clips: intervals resample utterances, and are "
                "too narrow where few people speak."
            )
    if summary is not None and summary["test"] is None:
        said.append(
            "No test set: the same data chose the model and measured it, which flatters it. "
            "--test-dataset gives an independent figure."
        )
    if summary is not None and summary["metric_is_rewarded"]:
        said.append("What decides was also the reward, or a part of it.")
    said += _left_out(record)
    unscored = sum(row.get("unscored", 0) for row in record.cycles)
    if unscored:
        drawn = sum(row["hypotheses"] for row in record.cycles)
        said.append(
            f"{unscored:,} of {drawn:,} hypotheses have no reward: a verifier could not judge them."
        )
    for row in record.cycles:
        if row.get("lost"):
            said.append(
                joined(f"Cycle {row['cycle']} is worse on ", foreign(", ".join(row["lost"])), ".")
            )
    if summary is not None:
        said += [foreign(_overlap(one)) for one in summary["overlaps"]]
        if summary["stopped_early"]:
            said.append(joined("It ended early: ", foreign(summary["stopped_early"]), "."))
        if summary["accepted_changes"]:
            changes = "; ".join(summary["accepted_changes"])
            said.append(joined("Accepted when it was resumed: ", foreign(changes), "."))
        explained = summary["explanation"] or {}
        if explained.get("sentence"):
            said.append(foreign(explained["sentence"]))
    return said


def _left_out(record: RunRecord) -> list[Content]:
    """Return how many clips were skipped, by dataset and reason."""
    lines = record.lines("skipped.jsonl")
    counts = Counter((str(line["dataset"]), str(line["kind"])) for line in lines)
    sets = dict.fromkeys(dataset for dataset, _ in counts)
    return [
        joined(
            "Skipped of ",
            foreign(dataset),
            ": ",
            foreign(
                ", ".join(f"{n:,} {kind}" for (of, kind), n in counts.items() if of == dataset)
            ),
            " (skipped.jsonl says which).",
        )
        for dataset in sets
    ]


def _overlap(overlap: Values) -> str:
    return f"{Overlap(**overlap)}."


def _harm(record: RunRecord, rejected: Values) -> str:
    """Return "bad" where the best cycle was worse than the base outside the interval."""
    low, high = rejected["difference_ci95"]
    return "bad" if (high < 0 if record.higher_is_better else low > 0) else ""


def _tested(record: RunRecord) -> str:
    test = record.summary["test"] if record.summary else None
    if test is None or record.metric is None:
        return ""
    metric, difference = record.metric, test["best"]["difference_ci95"]
    return (
        f"On the test set: {percent(test['base'][metric])} → {percent(test['best'][metric])} "
        f"(interval {point_interval(*difference)} points)."
    )


def _tiles(record: RunRecord) -> Markup:
    base, trained, metric = record.base, record.trained, record.metric
    assert base is not None
    assert metric is not None
    direction = "higher is better" if record.higher_is_better else "lower is better"
    figures: dict[str, tuple[Content, Content]] = {
        f"{record.heading} of the base": (
            percent(base[metric]),
            f"95 %: {percent_interval(*base['ci95'])}; {direction}",
        ),
    }
    if trained is not None:
        change = None if base[metric] is None else 100 * (trained[metric] - base[metric])
        figures[f"{record.heading}, {record.trained_name}"] = (
            percent(trained[metric]),
            ""
            if change is None
            else f"{change:+.1f} points, 95 %: {point_interval(*trained['difference_ci95'])}",
        )
    figures["Held-out utterances"] = (
        f"{base['n']:,}",
        f"{claimed_speakers(base['interval'])}; {base.get('decoding', 'decoded')}",
    )
    models = [base, *([trained] if trained is not None else [])]
    counts_runaway = record.task != "classification"
    if counts_runaway and all("runaway" in model for model in models):  # of old runs not
        figures["Run-away outputs"] = (
            " → ".join(f"{model['runaway']:,}" for model in models),
            "base → trained: outputs that repeat themselves or were cut",
        )
    return tiles(figures)


@frozen
class _Outcome:
    """What a run came to, beside others."""

    record: RunRecord
    label: str
    entry: Values
    what: str


def _outcome(record: RunRecord, *, is_own: bool) -> _Outcome | None:
    """Return the last word of a run: what it exported, or the best that it rejected."""
    entry, what = record.trained, record.trained_name
    if record.base is None or entry is None or what is None:
        return None
    label = f"{record.name}: {record.selection}, seed {record.seed}"
    return _Outcome(record, f"this run: {record.selection}" if is_own else label, entry, what)


def _beside(record: RunRecord, others: Sequence[RunRecord]) -> Markup:
    """Return this run's difference to its base, below it those of other runs."""
    made = [_outcome(record, is_own=True), *(_outcome(other, is_own=False) for other in others)]
    shown = [one for one in made if one is not None and one.record.metric == record.metric]
    metric = record.metric
    assert metric is not None
    if not shown:
        return Markup("")
    spans, rows = [], []
    for one in shown:
        low, high = one.entry["difference_ci95"]
        base = one.record.base
        assert base is not None
        value = one.entry[metric] - base[metric]
        spans.append(
            Difference(one.label, 100 * value, 100 * low, 100 * high, is_own=one.record is record)
        )
        rows.append(
            [
                foreign(one.label),
                one.what,
                percent(base[metric]),
                percent(one.entry[metric]),
                f"{100 * value:+.1f}",
                point_interval(low, high),
            ]
        )
    better = "Right" if record.higher_is_better else "Left"
    numbers = table(
        "Difference of each run to its own base",
        ["run", "model", "base", record.title, "points", "95 %"],
        rows,
        words=2,
    )
    told = f"{better} of nought is better; an interval that holds nought tells nothing."
    option = differences(spans, "points")
    alone = (
        ""
        if len(shown) > 1
        else (
            "No other run is beside this one: a control (--selection random) and other seeds "
            "(--seeds) show what is owed to the rewards; audioforge report RUN --with OTHER adds "
            "them."
        )
    )
    made_chart = chart(
        f"{record.heading}: this run{' and others' if len(shown) > 1 else ''}",
        told,
        option,
        numbers,
    )
    open_numbers = joined(made_chart, numbers if len(shown) > 1 else None)
    return joined(open_numbers, paragraph(alone, kind="muted") if alone else None)


def _sets(record: RunRecord) -> Markup:
    """Return every measured set: held out, test, retention; base and each model."""
    base, metric = record.base, record.metric
    assert base is not None
    assert metric is not None
    rows: list[list[Content]] = []

    def add(name: str, model: str, entry: Mapping[str, Any]) -> None:
        own = entry["metric"]
        difference = entry.get("difference_ci95")
        rows.append(
            [
                foreign(name),
                model,
                own,
                percent(entry[own]),
                percent_interval(*entry["ci95"]),
                point_interval(*difference) if difference else "",
                runaway_cell(entry, own) if "runaway" in entry else "",
                f"{entry['n']:,}",
            ]
        )

    models = [("base", base), *((f"cycle {row['cycle']}", row) for row in record.cycles)]
    for name, entry in models:
        add("held out", name, entry)
    for name, entry in models:
        for retained, values in entry.get("retention", {}).items():
            add(f"retention {retained}", name, values)
    if record.summary is not None and record.summary["test"]:
        test = record.summary["test"]
        add(f"test {test['dataset']}", "base", test["base"])
        add(f"test {test['dataset']}", "exported", test["best"])
    heads = [
        "set",
        "model",
        "metric",
        "value",
        "95 %",
        "difference, points",
        "run-away",
        "utterances",
    ]
    return details("Every measured set and cycle", table("Measured sets", heads, rows, words=3))
