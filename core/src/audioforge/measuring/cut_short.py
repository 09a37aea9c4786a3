"""How many hypotheses a length limit ended, in words."""

from __future__ import annotations

MANY = 0.05
"""Share of the hypotheses from which on a warning says what to do: now and then any model repeats
itself, and a limit that is too low cuts more."""


def cut_short(cut: int, total: int) -> str:
    """Return how many were cut.

    >>> cut_short(3, 160)
    'cut short: 3 of 160'
    """
    return f"cut short: {cut:,} of {total:,}"


def cut_warning(what: str, cut: int, total: int) -> str | None:
    """Return what to do about hypotheses that were cut; None where they are few.

    Args:
        what: What they are of, such as a dataset or a cycle.
        cut: How many were cut.
        total: How many there are.
    """
    if cut <= MANY * total:
        return None
    return (
        f"{what}: a length limit ended {cut:,} of {total:,} hypotheses, not the model. It repeats "
        f"itself; or, where that much is said, raise --max-tokens-per-second or --max-new-tokens"
    )
