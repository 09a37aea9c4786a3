"""Utterances of a measured set, each with what the base and the exported model say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from audioforge.report.record import Line, RunRecord
from audioforge.report.word_errors import Errors, errors_of, measured_lines

Parts = tuple[float, float]
"""What an utterance adds to a metric: numerator and denominator."""


@frozen(eq=False)
class Said:
    """What one model says of an utterance.

    Attributes:
        line: Its line of predictions.
        folder: Where its file of predictions is, in the run folder.
    """

    line: Line
    folder: str

    @property
    def errors(self) -> Errors | None:
        """Its word errors; None where they are not counted."""
        return errors_of(self.line)

    def parts(self, metric: str) -> Parts | None:
        """Return its part in a metric; None where it was not measured."""
        parts = (self.line.get("measured") or {}).get(metric)
        return None if parts is None else (parts[0], parts[1])


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
    def gain(self) -> float | None:
        """Word errors that are gone, or a class that is right; below 0 where it is worse.

        None where nobody can tell.
        """
        if self.base is None or self.best is None:
            return None
        before, after = self.base.errors, self.best.errors
        if before is not None and after is not None:
            return before.count - after.count
        was, now = self.base.parts("accuracy"), self.best.parts("accuracy")
        return None if was is None or now is None else now[0] - was[0]

    @property
    def runs_away(self) -> bool:
        """Whether an output of base or best repeats itself, or was cut."""
        return any(said is not None and said.line.get("runaway") for said in (self.base, self.best))


def held_out(record: RunRecord) -> list[Compared]:
    """Return the held-out utterances, with what every finished cycle says of them."""

    def of(cycle: int) -> dict[str, Said]:
        return _by_id(record, record.predictions(cycle), f"cycle-{cycle:02d}")

    base, cycles = of(0), {row["cycle"]: of(row["cycle"]) for row in record.cycles}
    best: dict[str, Said] = {}
    if record.improved:
        best = _by_id(record, record.lines("best-predictions.jsonl"))
    if not best and record.trained is not None:
        best = cycles.get(record.trained["cycle"], {})
    return _together(base, best, cycles)


def tested(record: RunRecord) -> list[Compared]:
    """Return the utterances of the test set, which is measured when a run ends."""
    base, best = (
        _by_id(record, record.lines(name))
        for name in ("test-predictions-base.jsonl", "test-predictions.jsonl")
    )
    return _together(base, best, {})


def _by_id(record: RunRecord, lines: Sequence[Line], folder: str = "") -> dict[str, Said]:
    return {str(line["id"]): Said(line, folder) for line in measured_lines(record, lines)}


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
    """Utterances that have something in common, and the metric of both models on them.

    Attributes:
        name: What they have in common.
        utterances: How many there are.
        units: What the metric is divided by, such as words of references.
        base: The metric of the base; None where nothing is measured.
        best: That of the trained model; None without one.
    """

    name: str
    utterances: int
    units: float
    base: float | None
    best: float | None

    @property
    def change(self) -> float:
        """The trained model's less the base's; 0 where nobody can tell."""
        return 0.0 if self.base is None or self.best is None else self.best - self.base


def groups(
    rows: Sequence[Compared], metric: str, key: Callable[[Compared], str | None]
) -> list[Group]:
    """Return the utterances by what a key says of them; those of which it says None are left out.

    Args:
        rows: The utterances.
        metric: Name of the metric.
        key: What tells the group of one.
    """
    found: dict[str, list[Compared]] = {}
    for row in rows:
        name = key(row)
        if name is not None:
            found.setdefault(name, []).append(row)
    return [_group(name, metric, members) for name, members in found.items()]


def _group(name: str, metric: str, rows: Sequence[Compared]) -> Group:
    base, best = (
        [parts for said in of if said is not None and (parts := said.parts(metric)) is not None]
        for of in ([row.base for row in rows], [row.best for row in rows])
    )
    units = sum(denominator for _, denominator in base)
    return Group(name, len(rows), units, _rate(base), _rate(best))


def _rate(parts: Sequence[Parts]) -> float | None:
    total = sum(denominator for _, denominator in parts)
    return sum(numerator for numerator, _ in parts) / total if total else None
