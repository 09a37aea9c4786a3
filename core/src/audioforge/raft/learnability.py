"""Before the first update: is there anything to learn from these rewards?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from audioforge.raft.evaluation import EvaluatedItem
from audioforge.raft.rewards import reward_statistics
from audioforge.sample import Rollout
from audioforge.verifier import CorpusMetric

MANY = 0.9
"""A share of clips or hypotheses that says that nearly all are so."""


@frozen
class Learnability:
    """What the base model's own hypotheses offer.

    Attributes:
        metric: Name of the corpus metric.
        greedy: The metric of greedy decoding on the probed clips.
        oracle: The metric if of each clip's k hypotheses the best were taken.
        k: Hypotheses per clip.
        n: Clips that were probed.
        frac_reward_zero_std: Share of judged clips whose rewards are all equal, which teach little.
        distinct: Mean share of different hypotheses among the k.
        oracle_is_better: Whether the oracle is better than greedy; None where one is not known.
    """

    metric: str
    greedy: float | None
    oracle: float | None
    k: int
    n: int
    frac_reward_zero_std: float | None
    distinct: float
    oracle_is_better: bool | None

    def warning(self) -> str | None:
        """Return what stands in the way of learning and what to change, or None."""
        if self.k == 1:  # of one hypothesis none is chosen
            return None
        if self.oracle_is_better is False:
            problem = f"the best of {self.k} hypotheses is no better than greedy decoding"
        elif (self.frac_reward_zero_std or 0) > MANY:
            problem = (
                f"{self.frac_reward_zero_std:.0%} of clips earn the same reward with every "
                f"hypothesis"
            )
        else:
            return None
        # Hypotheses that all differ and are all bad are noise; equal ones need more of it.
        change = "lower" if self.distinct > MANY else "raise"
        return f"{problem}: {change} --temperature, or raise --samples-per-prompt"

    def describe(self) -> str:
        """Return the report as one line."""
        if self.greedy is None or self.oracle is None:
            rates = ""
        else:
            rates = (
                f"greedy {self.metric.upper()} {self.greedy:.1%}, oracle best-of-{self.k} "
                f"{self.oracle:.1%}, "
            )
        return (
            f"{rates}{self.frac_reward_zero_std or 0:.0%} of clips without reward spread, "
            f"{self.distinct:.0%} of hypotheses distinct ({self.n} clips)"
        )

    def as_mapping(self) -> dict[str, Any]:
        """Return the report as `summary.json` holds it."""
        return {
            f"greedy_{self.metric}": self.greedy,
            f"oracle_{self.metric}": self.oracle,
            "k": self.k,
            "n": self.n,
            "frac_reward_zero_std": self.frac_reward_zero_std,
            "distinct": self.distinct,
        }


def assess(
    rollouts: Sequence[Rollout],
    greedy: Sequence[EvaluatedItem],
    metric: CorpusMetric,
    verifier: str,
) -> Learnability:
    """Compare the k hypotheses of clips with their greedy output.

    Args:
        rollouts: Of the first cycle.
        greedy: The greedy output of some of the same clips; the metric is compared on these.
        metric: The corpus metric that decides.
        verifier: Whose scores carry its parts; also in the rollouts unless it is not configured.
    """
    by_id = {r.sample.id: r for r in rollouts}
    pairs = [(i, by_id[str(i.prediction["id"])]) for i in greedy if i.prediction["id"] in by_id]
    measured = [(i, r) for i, r in pairs if all(verifier in h.scores for h in r.hypotheses)]
    greedy_rate = _rate(metric, [i.metrics[verifier] for i, _ in measured])
    sign = -1 if metric.higher_is_better else 1
    best = [
        min(
            (h.scores[verifier].metrics for h in r.hypotheses),
            key=lambda m: sign * sum(m[part] for part in metric.numerator),
        )
        for _, r in measured
    ]
    distinct = [
        len({h.hypothesis.content for h in r.hypotheses}) / len(r.hypotheses) for r in rollouts
    ]
    oracle = _rate(metric, best)
    better = None
    if greedy_rate is not None and oracle is not None:
        better = sign * (greedy_rate - oracle) > 0
    return Learnability(
        metric=metric.name,
        greedy=greedy_rate,
        oracle=oracle,
        k=len(rollouts[0].hypotheses),
        n=len(measured),
        frac_reward_zero_std=reward_statistics(rollouts)["frac_reward_zero_std"],
        distinct=sum(distinct) / len(distinct),
        oracle_is_better=better,
    )


def _rate(metric: CorpusMetric, rows: Sequence[Any]) -> float | None:
    total = sum(row[metric.denominator] for row in rows)
    errors = sum(row[part] for row in rows for part in metric.numerator)
    return errors / total if total else None
