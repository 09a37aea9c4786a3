"""How many utterances a set needs before a difference means anything, and how many are missing.

With fewer than `FEWEST` an interval is no guard against luck: of runs without any gain, resampling
called 53 % better with 1 utterance and 16 % with 2. From there to `FEW` it holds, but finds large
gains only.
"""

from __future__ import annotations

from audioforge.terminal.figures import percent

FEWEST = 20
"""Utterances below which nothing is claimed: the base model stays, and no test confirms."""
FEW = 50
"""Utterances below which a warning says that only large differences can be found."""
MISSING = 0.01
"""Share of a set from which on a result says that it is not of the whole set."""

REMEDIES = {
    "held-out": "the base model stays, whatever is learnt; give a larger --eval-dataset or "
    "--eval-fraction",
    "retention": "a loss on it can go unseen; give a larger --retention-dataset",
    "test": "it confirms nothing; give a larger --test-dataset",
}
"""What follows from a set that is too small, by its role."""


def size_problem(role: str, name: str, count: int, expected: int | None = None) -> str | None:
    """Return a sentence about a set that is too small; None when it is not.

    Args:
        role: "held-out", "retention" or "test".
        name: Name of the set.
        count: Utterances that can be measured, as far as is known.
        expected: The count that was looked at before; None for the first time.
    """
    if count >= FEW or (expected is not None and _band(count) == _band(expected)):
        return None
    text = f"the {role} set {name} has {count} utterance{'' if count == 1 else 's'} to measure: "
    if count < FEWEST:
        return f"{text}fewer than {FEWEST} cannot tell a gain from luck, so {REMEDIES[role]}"
    return f"{text}with fewer than {FEW} only a large difference can be told from luck"


def missing_part(name: str, measured: int, total: int) -> str | None:
    """Return a sentence that says how many of a set have no part in its figures.

    Args:
        name: Name of the set.
        measured: How many utterances were measured.
        total: Items of the set, with what could not be read.
    """
    missing = total - measured
    if missing <= MISSING * total:
        return None
    what = "is" if missing == 1 else "are"
    return (
        f"{missing} of the {total} items of {name} {what} missing from its figures "
        f"({percent(missing / total)})"
    )


def _band(count: int) -> int:
    return (count >= FEWEST) + (count >= FEW)
