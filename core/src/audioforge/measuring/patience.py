"""Whether a run still gets better, by what it measured on the held-out set."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.measuring.evaluation import Evaluation, merit


def out_of_patience(patience: int | None, evaluations: Sequence[Evaluation]) -> str | None:
    """Say why no further cycle is worth its time; None where one is.

    Args:
        patience: How many cycles may pass without a better metric than any before; None for any
            number.
        evaluations: Of the held-out set: the base, then every cycle until now.
    """
    merits = [merit(evaluation) for evaluation in evaluations]
    best = merits.index(max(merits))  # the earliest of equal ones
    if patience is None or len(merits) - 1 - best < patience:
        return None
    cycles = "the cycle" if patience == 1 else f"the {patience} cycles"
    since = f"cycle {best}" if best else "the base"
    title = evaluations[best].metric.title
    return f"{cycles} after {since} had no better held-out {title} (--patience {patience})"
