"""Growth: what one more clip costs in a small run, and in one that is ten times as large.

The model is nano, so that what the engine does with every clip shows: reading, features, keyed
draws, verifiers, journals, selection. Two equal figures are a cost that grows in proportion.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from performance.commands import AUDIOFORGE, children_clock, running
from performance.material import write_noise
from performance.subjects import Measurement, Scope
from performance.timing import Contestant, Figures, alternate

SIZES, QUICK_SIZES = (100, 1_000, 10_000), (8, 32)
SECONDS, HELD_OUT, ENDS_AFTER = 0.5, 20, 4
OPTIONS = (
    *("--samples-per-prompt", "2", "--max-new-tokens", "8", "--selection", "random"),
    *("--cycles", "1", "--steps-per-cycle", "2", "--device", "cpu"),
)


def growth(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of growth."""
    sizes = QUICK_SIZES if scope.quick else SIZES
    name = f"audioforge train, nano, up to {sizes[-1]:,} clips"
    yield Measurement("growth", name, partial(_measure, scope, sizes))


def _measure(scope: Scope, sizes: tuple[int, ...]) -> Figures:
    train, heldout = write_noise(scope.new_folder("data"), sizes[-1], SECONDS, "a b c", HELD_OUT)
    lines = train.read_text(encoding="utf-8").splitlines(keepends=True)
    seconds = []
    for size in sizes:
        part = train.with_name(f"{size}.jsonl")
        part.write_text("".join(lines[:size]), encoding="utf-8")
        (turns,) = alternate([_run(scope, part, heldout)], 1, children_clock).values()
        seconds += turns
    totals = list(zip(sizes, seconds, strict=True))
    values = {
        f"from {few:,} to {many:,} clips": [1000 * (more - less) / (many - few)]
        for (few, less), (many, more) in pairwise(totals)
    }
    spent = {f"{size:,} clips": round(total, 2) for size, total in totals}
    return Figures(unit="CPU ms a further clip", values=values, details={"CPU s": spent})


def _run(scope: Scope, train: Path, heldout: Path) -> Contestant:
    model = scope.checkpoints.whisper("nano", ENDS_AFTER)
    data = ("--dataset", str(train), "--eval-dataset", str(heldout))

    def work(output: Any) -> None:
        command = ("train", "--model", str(model), *data, *OPTIONS, "--output", str(output))
        running(*AUDIOFORGE, *command)(None)

    return Contestant("AudioForge", work, lambda: scope.new_folder("run"))
