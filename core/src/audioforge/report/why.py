"""The third section: what there was to learn, and what was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audioforge.report.components import chart, notes, paragraph, side_by_side, table
from audioforge.report.hypotheses import CycleHypotheses, hypotheses_of
from audioforge.report.markup import Content, Markup, foreign
from audioforge.report.page import Section
from audioforge.report.record import RunRecord
from audioforge.report.series import Number, Series, bars, lines
from audioforge.terminal.figures import decimal, percent

COLOURS = ("--accent", "--best", "--other", "--wait", "--worse")
MOST_STEPS = 2_000
"""Steps that a chart draws; of more every n-th."""

Counted = Mapping[int, CycleHypotheses]


def why(record: RunRecord) -> Section:
    """Return the section."""
    counted = hypotheses_of(record)
    figures = [
        _rewards(record),
        _verifiers(counted),
        _oracle(record, counted),
        _kept(counted),
        *_steps(record),
    ]
    drawn = [figure for figure in figures if figure]
    content: list[Content] = [notes(_explained(record, counted))]
    content.append(side_by_side(*drawn) if drawn else paragraph("No cycle has begun."))
    return Section("why", "Why?", content)


def _explained(record: RunRecord, counted: Counted) -> list[Content]:
    said: list[Content] = []
    learnt = record.learnability
    if learnt and learnt.get("oracle_wer") is not None and learnt.get("greedy_wer") is not None:
        room = learnt["greedy_wer"] - learnt["oracle_wer"]
        said.append(
            f"Room to learn: the best of {learnt['k']} hypotheses of the base model has "
            f"{percent(learnt['oracle_wer'])} WER on the training clips, its greedy output "
            f"{percent(learnt['greedy_wer'])}: {100 * room:.1f} points"
            + ("." if room > 0 else ", so that nothing better was there to be kept.")
        )
    if learnt and learnt.get("frac_reward_zero_std") is not None:
        said.append(
            f"{percent(learnt['frac_reward_zero_std'])} of the clips have hypotheses of one "
            "reward, which say little about what is better."
        )
    for cycle, hypotheses in counted.items():
        for name, count in hypotheses.unjudged.items():
            said.append(foreign(f"cycle {cycle}: {name} could not judge {count:,} hypotheses."))
    return said


def _rewards(record: RunRecord) -> Markup | None:
    rows = [row for row in record.cycles if row.get("reward") is not None]
    if not rows:
        return None
    names = [str(row["cycle"]) for row in rows]
    means: list[Number] = [row["reward"] for row in rows]
    low = [row["reward"] - (row["reward_std"] or 0.0) for row in rows]
    high = [row["reward"] + (row["reward_std"] or 0.0) for row in rows]
    cells: list[list[Content]] = [
        [
            name,
            decimal(row["reward"], digits=3),
            decimal(row["reward_std"], digits=3),
            percent(row["frac_reward_zero_std"]),
            f"{row['hypotheses']:,}",
            f"{row['unscored']:,}",
        ]
        for name, row in zip(names, rows, strict=True)
    ]
    heads = ["cycle", "reward", "spread", "clips without spread", "hypotheses", "without reward"]
    return chart(
        "Reward by cycle",
        "The band is the spread within a clip: the mean standard deviation of its rewards.",
        lines(names, [Series("mean reward", means, low, high)], "reward", "cycle"),
        table("Reward by cycle", heads, cells),
    )


def _verifiers(counted: Counted) -> Markup | None:
    verifiers = sorted({name for cycle in counted.values() for name in cycle.rewards})
    if not verifiers:
        return None
    names = [str(cycle) for cycle in counted]

    def means(verifier: str) -> list[Number]:
        found = [cycle.rewards.get(verifier) for cycle in counted.values()]
        return [None if mean is None else mean.value for mean in found]

    series = [
        Series(verifier, means(verifier), colour=COLOURS[n % len(COLOURS)])
        for n, verifier in enumerate(verifiers)
    ]
    columns = zip(*(one.values for one in series), strict=True)
    cells: list[list[Content]] = [
        [name, *(decimal(value, digits=3) for value in values)]
        for name, values in zip(names, columns, strict=True)
    ]
    return chart(
        "Reward by verifier",
        "The mean over all hypotheses that it could judge.",
        lines(names, series, "reward", "cycle"),
        table("Reward by verifier", ["cycle", *verifiers], cells),
    )


def _oracle(record: RunRecord, counted: Counted) -> Markup | None:
    if not any(cycle.oracle.count for cycle in counted.values()):
        return None
    names = [str(cycle) for cycle in counted]

    def scaled(values: Sequence[float | None]) -> list[Number]:
        return [None if value is None else 100 * value for value in values]

    sampled = [cycle.sampled.value for cycle in counted.values()]
    oracle = [cycle.oracle.value for cycle in counted.values()]
    greedy = (record.learnability or {}).get("greedy_wer")
    greedies: list[float | None] = [greedy if name == "1" else None for name in names]
    series = [
        Series("all hypotheses", scaled(sampled)),
        Series("best of each clip (oracle)", scaled(oracle), colour="--best"),
    ]
    if greedy is not None:
        series.insert(1, Series("greedy, base model", scaled(greedies), colour="--wait"))
    cells: list[list[Content]] = [
        [name, percent(a), percent(b), percent(c)]
        for name, a, b, c in zip(names, sampled, greedies, oracle, strict=True)
    ]
    return chart(
        "Oracle against greedy",
        "WER on training clips: what lies between greedy and oracle is what selection can teach.",
        lines(names, series, "%", "cycle"),
        table("WER of hypotheses", ["cycle", "all", "greedy", "oracle"], cells),
    )


def _kept(counted: Counted) -> Markup | None:
    if not any(cycle.kept for cycle in counted.values()):
        return None
    names = [str(cycle) for cycle in counted]
    clips: list[Number] = [100 * c.clips_kept / c.clips for c in counted.values()]
    hypotheses: list[Number] = [
        100 * c.kept / c.hypotheses if c.hypotheses else None for c in counted.values()
    ]
    cells: list[list[Content]] = [
        [name, f"{c.clips_kept:,} of {c.clips:,}", f"{c.kept:,} of {c.hypotheses:,}"]
        for name, c in zip(names, counted.values(), strict=True)
    ]
    series = [Series("of clips", clips), Series("of hypotheses", hypotheses, colour="--best")]
    return chart(
        "Share kept",
        "Clips of which a hypothesis was good enough to be learnt, and hypotheses that were.",
        bars(names, series, "%"),
        table("Kept", ["cycle", "clips", "hypotheses"], cells),
    )


def _steps(record: RunRecord) -> list[Markup]:
    steps = [
        (f"{cycle}.{line['step']}", line)
        for cycle in record.begun_cycles
        for line in record.lines(f"cycle-{cycle:02d}/steps.jsonl")
    ]
    if not steps:
        return []
    shown = steps[:: -(-len(steps) // MOST_STEPS)]
    names = [name for name, _ in shown]
    cells: list[list[Content]] = [
        [
            str(cycle),
            f"{len(of):,}",
            decimal(of[0]["loss"], digits=3),
            decimal(of[-1]["loss"], digits=3),
            f"{of[0]['learning_rate']:.2e}",
            f"{of[-1]['learning_rate']:.2e}",
        ]
        for cycle in record.begun_cycles
        if (of := record.lines(f"cycle-{cycle:02d}/steps.jsonl"))
    ]
    heads = ["cycle", "steps", "first loss", "last loss", "first rate", "last rate"]
    numbers = table("Steps by cycle", heads, cells)
    loss = [Series("loss", [line["loss"] for _, line in shown])]
    rate = [Series("learning rate", [line["learning_rate"] for _, line in shown], colour="--other")]
    where = "cycle.step"
    return [
        chart("Loss by step", "In nats per token.", lines(names, loss, across=where), numbers),
        chart(
            "Learning rate by step",
            "As the optimiser used it.",
            lines(names, rate, across=where),
            numbers,
        ),
    ]
