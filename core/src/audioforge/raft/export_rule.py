"""Which model is exported: the rule, and nothing else.

1. The best cycle is the one with the best held-out metric.
2. Candidates lie on the line from the base to that cycle's weights (`interpolate`).
3. A candidate is admissible if no retention metric is worse than the base's outside the 95 %
   paired interval.
4. Among the admissible ones the best held-out metric wins; of equal ones the larger alpha.
5. It is exported if its held-out difference to the base is better outside the 95 % interval, on
   `enough_utterances.FEWEST` utterances or more; otherwise the base stays. Since the held-out set
   also made the choice, the interval repeats the choice in each resample (see
   `bootstrap.chosen_difference_interval`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define

from audioforge.measuring.bootstrap import Interval, chosen_difference_interval
from audioforge.measuring.enough_utterances import FEWEST
from audioforge.measuring.evaluation import (
    Evaluation,
    compare,
    is_better,
    is_worse,
    merit,
    paired,
)
from audioforge.measuring.resampling import Resampling


@define(eq=False)
class Candidate:
    """A model that could be exported.

    Attributes:
        cycle: The cycle whose weights it has.
        alpha: How far from the base (0) to the cycle's weights (1).
        evaluation: What was measured on the held-out set.
        retention: What was measured on each retention set, by the set's name.
    """

    cycle: int
    alpha: float
    evaluation: Evaluation
    retention: Mapping[str, Evaluation]

    def lost(self, base: Candidate) -> list[str]:
        """Return the retention sets on which it is worse than the base outside the interval."""
        return [
            name
            for name, evaluation in self.retention.items()
            if is_worse(evaluation.difference_interval(base.retention[name]), evaluation.metric)
        ]

    def describe(self, base: Candidate) -> dict[str, Any]:
        """Return the candidate as `summary.json` holds it."""
        lost = self.lost(base)
        return {
            "cycle": self.cycle,
            "interpolation": self.alpha,
            **compare(self.evaluation, base.evaluation),
            "retention": {
                name: compare(evaluation, base.retention[name])
                for name, evaluation in self.retention.items()
            },
            "lost": lost,
            "admissible": not lost,
        }


def best_cycle(cycles: Sequence[Candidate]) -> Candidate:
    """Return the cycle with the best held-out metric, the earliest of equal ones."""
    return max(cycles, key=lambda c: (merit(c.evaluation), -c.cycle))


@define(eq=False)
class ExportChoice:
    """What the rule decided.

    Attributes:
        winner: The admissible candidate with the best held-out metric; None if none is admissible.
        difference: 95 % interval of its held-out difference to the base.
        resampling: What that interval resamples.
        improved: Whether it is exported.
        reason: One sentence that says why.
    """

    winner: Candidate | None
    difference: Interval
    resampling: Resampling
    improved: bool
    reason: str


def choose(base: Candidate, cycles: Sequence[Candidate], line: Sequence[Candidate]) -> ExportChoice:
    """Apply the rule.

    Args:
        base: The untouched model.
        cycles: Every cycle's own weights.
        line: The candidates on the line from the base to the best cycle.
    """
    # What costs on the retention sets cannot win, however much it gains.
    admissible = [c for c in line if not c.lost(base)]
    if not admissible:
        names = sorted({name for c in line for name in c.lost(base)})
        return ExportChoice(
            None,
            (0.0, 0.0),
            base.evaluation.resampling,
            False,
            f"every candidate is worse than the base on {', '.join(names)}: the base model stays",
        )
    winner = max(admissible, key=lambda c: (merit(c.evaluation), c.alpha))
    others = [c for c in cycles if not c.lost(base) and c not in admissible]
    evaluations = [c.evaluation for c in [*admissible, *others, base]]
    (*systems, other), resampling = paired(evaluations)
    metric = winner.evaluation.metric
    # The data that chose the winner flatter it: the interval chooses anew among all that could
    # have won.
    difference = chosen_difference_interval(
        systems,
        other,
        resampling,
        higher_is_better=bool(metric.higher_is_better),
    )
    # A gain must stand outside of chance, on enough utterances to tell.
    measured = min(np.count_nonzero(denominator) for _, denominator in (*systems, other))
    improved = False
    if measured < FEWEST:
        reason = (
            f"only {measured} held-out utterances could be measured, and fewer than {FEWEST} "
            f"cannot tell a gain from luck: the base model stays"
        )
    elif is_better(difference, metric):
        improved = True
        reason = f"{metric.title} is better than the base's outside the 95 % interval"
    else:
        reason = f"no {metric.title} gain outside the 95 % interval: the base model stays"
    return ExportChoice(winner, difference, resampling, improved, reason)
