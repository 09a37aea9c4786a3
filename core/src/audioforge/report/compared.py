"""Utterances of a measured set, each with what the base and the exported model say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from audioforge.report.record import Line, RunRecord
from audioforge.report.word_errors import ErrorCounter, Errors


@frozen(eq=False)
class Said:
    """What one model says of an utterance.

    Attributes:
        line: Its line of predictions.
        errors: Its errors; None where they cannot be counted.
        folder: Where its file of predictions is, in the run folder.
    """

    line: Line
    errors: Errors | None
    folder: str


@frozen(eq=False)
class Compared:
    """An utterance.

    Attributes:
        line: What is known of it, as one of its lines of predictions says.
        base: What the untouched model says; None where that is not known.
        best: What the trained model says: the exported one, else the best other one.
        cycles: What each cycle says, by its number.
    """

    line: Line
    base: Said | None
    best: Said | None
    cycles: Mapping[int, Said]

    @property
    def gain(self) -> int | None:
        """Errors that are gone; below 0 where there are more. None where nobody can tell."""
        if self.base is None or self.best is None:
            return None
        if self.base.errors is None or self.best.errors is None:
            return None
        return self.base.errors.count - self.best.errors.count

    @property
    def runs_away(self) -> bool:
        """Whether an output of base or best repeats itself, or was cut."""
        return any(said is not None and said.line.get("runaway") for said in (self.base, self.best))


def held_out(record: RunRecord, counter: ErrorCounter) -> list[Compared]:
    """Return the held-out utterances, with what every finished cycle says of them."""

    def of(cycle: int) -> dict[str, Said]:
        return _by_id(record.predictions(cycle), counter, f"cycle-{cycle:02d}")

    base, cycles = of(0), {row["cycle"]: of(row["cycle"]) for row in record.cycles}
    best: dict[str, Said] = {}
    if record.improved:
        best = _by_id(record.lines("best-predictions.jsonl"), counter)
    if not best and record.trained is not None:
        best = cycles.get(record.trained["cycle"], {})
    return _together(base, best, cycles)


def tested(record: RunRecord, counter: ErrorCounter) -> list[Compared]:
    """Return the utterances of the test set, which is measured when a run ends."""
    base, best = (
        _by_id(record.lines(name), counter)
        for name in ("test-predictions-base.jsonl", "test-predictions.jsonl")
    )
    return _together(base, best, {})


def _by_id(lines: Sequence[Line], counter: ErrorCounter, folder: str = "") -> dict[str, Said]:
    return {
        str(line["id"]): Said(line, errors, folder)
        for line, errors in zip(lines, counter.of(lines), strict=True)
    }


def _together(
    base: Mapping[str, Said], best: Mapping[str, Said], cycles: Mapping[int, Mapping[str, Said]]
) -> list[Compared]:
    return [
        Compared(
            said.line,
            base.get(identity),
            best.get(identity),
            {number: of[identity] for number, of in cycles.items() if identity in of},
        )
        for identity, said in {**best, **base}.items()
    ]


@frozen(eq=False)
class Group:
    """Utterances that have something in common, and the rates of both models on them.

    Attributes:
        name: What they have in common.
        utterances: How many there are.
        units: Words of their references, or classes.
        base: Errors of the base over units; None where nothing is measured.
        best: Those of the trained model.
    """

    name: str
    utterances: int
    units: int
    base: float | None
    best: float | None

    @property
    def gain(self) -> float:
        """Points that are gained, as a fraction; 0 where nobody can tell."""
        return 0.0 if self.base is None or self.best is None else self.base - self.best


def groups(rows: Sequence[Compared], key: Callable[[Compared], str | None]) -> list[Group]:
    """Return the utterances by what a key says of them; those of which it says None are left out.

    Args:
        rows: The utterances.
        key: What tells the group of one.
    """
    found: dict[str, list[Compared]] = {}
    for row in rows:
        name = key(row)
        if name is not None:
            found.setdefault(name, []).append(row)
    return [_group(name, members) for name, members in found.items()]


def _group(name: str, rows: Sequence[Compared]) -> Group:
    both = [
        (row.base.errors, row.best.errors)
        for row in rows
        if row.base and row.best and row.base.errors and row.best.errors
    ]
    units = sum(base.units for base, _ in both)

    def rate(which: int) -> float | None:
        return sum(pair[which].count for pair in both) / units if units else None

    return Group(name, len(rows), units, rate(0), rate(1))
