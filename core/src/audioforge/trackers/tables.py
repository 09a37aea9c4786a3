"""What is shown of a cycle: a few held-out utterances, and a few clips' hypotheses.

The same clips in each cycle, so that one can be followed: those whose ids come first by their
hashes, whatever the order in which they come.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from audioforge.files.journal import Journal
from audioforge.terminal.escapes import one_line
from audioforge.trackers.sound import Sound

Row = Mapping[str, Any]

HELD_OUT = ("id", "reference", "base", "now", "errors of base", "errors", "reference words")
ERRORS = ("substitutions", "deletions", "insertions")


@frozen(eq=False)
class Table:
    """A table of a cycle.

    Attributes:
        name: What it is called where it is shown.
        cycle: The cycle, from 1; 0 is the untouched base.
        columns: Heads of the columns.
        rows: A value for each column; None where it is not known.
        sounds: The sound of each row; None where there is none. Empty where nothing is heard.
        is_generated: Whether the model made the sounds; otherwise they are the same each cycle.
    """

    name: str
    cycle: int
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    sounds: Sequence[Sound | None] = field(factory=tuple)
    is_generated: bool = False

    @property
    def new_sounds(self) -> list[Sound]:
        """The sounds that no earlier cycle had."""
        if self.cycle and not self.is_generated:
            return []
        return [sound for sound in self.sounds if sound is not None]


def chosen(rows: Iterable[Row], count: int) -> list[Row]:
    """Return the rows to show, sorted by id.

    >>> [row["id"] for row in chosen([{"id": "b"}, {"id": "a"}, {"id": "c"}], 2)]
    ['b', 'c']
    """
    first = heapq.nsmallest(count, rows, key=lambda row: (_hash(row["id"]), str(row["id"])))
    return sorted(first, key=lambda row: str(row["id"]))


def held_out_rows(rows: Sequence[Row], base: Mapping[str, Row]) -> list[list[Any]]:
    """Return what is shown of held-out outputs, beside what the base said of the same clips."""
    return [_held_out_row(row, base.get(str(row["id"]), {})) for row in rows]


def _held_out_row(row: Row, base: Row) -> list[Any]:
    texts = [row["id"], row.get("text"), base.get("pred_text"), row.get("pred_text")]
    return [*map(_text, texts), errors_of(base), errors_of(row), row.get("reference_words")]


def errors_of(row: Row) -> int | None:
    """Return the word errors of an output; None where they are not known."""
    counts = [row.get(kind) for kind in ERRORS]
    return None if None in counts else sum(map(int, filter(None, counts)))


def hypotheses_table(folder: Path, cycle: int, count: int) -> Table | None:
    """Return what was sampled of a few clips in a cycle, with its rewards.

    Args:
        folder: The run folder.
        cycle: The cycle, from 1.
        count: How many clips.

    Returns:
        None where nothing was sampled.
    """
    lines = Journal(folder / f"cycle-{cycle:02d}", "rollouts", 0).read()
    rollouts = chosen(lines, count)
    verifiers = sorted({v for r in rollouts for h in r["hypotheses"] for v in h["scores"]})
    rows = [
        [
            _text(rollout["id"]),
            _text(rollout["reference"]),
            _text(_said(hypothesis)),
            hypothesis["reward"],
            *(hypothesis["scores"].get(name, {}).get("reward") for name in verifiers),
            hypothesis["kept"],
        ]
        for rollout in rollouts
        for hypothesis in rollout["hypotheses"]
    ]
    if not rows:
        return None
    rewards = [f"rewards/{name}" for name in verifiers]
    return Table(
        "completions", cycle, ["id", "reference", "completion", "reward", *rewards, "kept"], rows
    )


def _said(hypothesis: Row) -> Any:
    return next((hypothesis[key] for key in ("text", "label", "audio") if key in hypothesis), None)


def _text(value: Any) -> str | None:
    """Return text that cannot pass for anything else where it is shown."""
    return None if value is None else one_line(str(value))


def _hash(identity: Any) -> bytes:
    return hashlib.sha256(str(identity).encode("utf-8", "surrogatepass")).digest()
