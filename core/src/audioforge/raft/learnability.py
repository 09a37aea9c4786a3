"""Before the first update: is there anything to learn from these rewards?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from audioforge.measuring.corpus_metrics import Parts
from audioforge.measuring.reward_statistics import RewardStatistics
from audioforge.terminal.figures import percent
from audioforge.verifier import CorpusMetric

MANY = 0.9
"""A share of clips or hypotheses that says that nearly all are so."""


@frozen
class Learnability:
    """What the base model's own hypotheses offer.

    Attributes:
        metric: Name of the corpus metric.
        title: The metric's name for people.
        greedy: The metric of greedy decoding on the probed clips.
        oracle: The metric if of each clip's k hypotheses the best were taken.
        k: Hypotheses per clip.
        n: Clips with a reference that were probed for these two.
        clips: Clips that were sampled, with or without a reference.
        frac_reward_zero_std: Share of the clips with rewards whose rewards are all equal, which
            teach little.
        distinct: Mean share of different hypotheses among the k.
        oracle_is_better: Whether the oracle is better than greedy; None where one is not known.
    """

    metric: str
    title: str
    greedy: float | None
    oracle: float | None
    k: int
    n: int
    clips: int
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
                f"{percent(self.frac_reward_zero_std, 0)} of clips earn the same reward with every "
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
            of = "" if self.n == self.clips else f" of {self.n} clips"
            rates = (
                f"greedy {self.title} {percent(self.greedy)}, oracle best-of-{self.k} "
                f"{percent(self.oracle)}{of}, "
            )
        return (
            f"{rates}{percent(self.frac_reward_zero_std or 0, 0)} of clips without reward spread, "
            f"{percent(self.distinct, 0)} of hypotheses distinct ({self.clips} clips)"
        )

    def as_mapping(self) -> dict[str, Any]:
        """Return the report as `summary.json` holds it."""
        return {
            f"greedy_{self.metric}": self.greedy,
            f"oracle_{self.metric}": self.oracle,
            "k": self.k,
            "n": self.n,
            "clips": self.clips,
            "frac_reward_zero_std": self.frac_reward_zero_std,
            "distinct": self.distinct,
        }


def assess(
    rewards: RewardStatistics,
    metric: CorpusMetric,
    greedy: Mapping[str, Parts],
    sampled: Mapping[str, Sequence[Parts]],
) -> Learnability:
    """Compare the k hypotheses of clips with their greedy output.

    Args:
        rewards: Statistics of the first cycle's rewards; of at least one clip.
        metric: The corpus metric that decides.
        greedy: What the greedy output of some of the clips adds to the metric, by sample id.
        sampled: What each hypothesis of a clip adds to the metric, by sample id.
    """
    probed = [i for i in greedy if i in sampled]
    greedy_rate = _rate([greedy[i] for i in probed])
    sign = -1 if metric.higher_is_better else 1
    # A hypothesis without a denominator was not measured: no candidate, unless none was.
    best = [min(sampled[i], key=lambda p: (not p[1], sign * p[0] / (p[1] or 1))) for i in probed]
    oracle = _rate(best)
    better = None
    if greedy_rate is not None and oracle is not None:
        better = sign * (greedy_rate - oracle) > 0
    return Learnability(
        metric=metric.name,
        title=metric.title,
        greedy=greedy_rate,
        oracle=oracle,
        k=rewards.k,
        n=len(probed),
        clips=rewards.clips,
        frac_reward_zero_std=rewards.frac_reward_zero_std,
        distinct=rewards.distinct or 0.0,
        oracle_is_better=better,
    )


def _rate(parts: Sequence[Parts]) -> float | None:
    total = sum(denominator for _, denominator in parts)
    return sum(numerator for numerator, _ in parts) / total if total else None
