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
HALF = 0.5
"""A variety of hypotheses below which most of a clip's are repeated."""


@frozen
class Learnability:
    """What the base model's own hypotheses offer.

    Attributes:
        metric: Name of the corpus metric.
        title: The metric's name for people.
        greedy: The metric of greedy decoding on the probed clips.
        oracle: The metric if of each clip's k hypotheses the best were taken.
        drawn: The metric of all hypotheses together.
        k: Hypotheses per clip.
        n: Clips with a reference that were probed for these two.
        clips: Clips that were sampled, with or without a reference.
        frac_reward_zero_std: Share of the clips with rewards whose rewards are all equal, which
            teach little.
        frac_all_right: Share of these clips whose hypotheses all earn 1.
        frac_all_wrong: Share of these clips whose hypotheses all earn 0.
        distinct: Mean share of different hypotheses among the k, as the metric compares them.
        higher_is_better: Whether a higher metric is better.
    """

    metric: str
    title: str
    greedy: float | None
    oracle: float | None
    drawn: float | None
    k: int
    n: int
    clips: int
    frac_reward_zero_std: float | None
    frac_all_right: float | None
    frac_all_wrong: float | None
    distinct: float
    higher_is_better: bool

    def warning(self) -> str | None:
        """Return what stands in the way of learning and what to change, or None."""
        if self.k == 1:  # of one hypothesis none is chosen
            return None
        right = (
            "there is little to learn from these clips: take such as the model does not know yet"
        )
        if self.greedy is not None and self.greedy == (1.0 if self.higher_is_better else 0.0):
            return f"greedy decoding makes no error on {self.n} clips: {right}"
        if (self.frac_all_right or 0) > MANY:
            return (
                f"{percent(self.frac_all_right, 0)} of clips earn 1 with every hypothesis: {right}"
            )
        if not self._is_better(self.oracle, self.greedy):
            problem = f"the best of {self.k} hypotheses is no better than greedy decoding"
        elif (self.frac_reward_zero_std or 0) > MANY:
            problem = (
                f"{percent(self.frac_reward_zero_std, 0)} of clips earn the same reward with every "
                f"hypothesis"
            )
        else:
            return None
        return f"{problem}: {self._mend}"

    @property
    def _mend(self) -> str:
        """What would make hypotheses better, or rewards tell them apart."""
        if self._variety < HALF:
            return f"only {percent(self.distinct, 0)} of them are distinct: raise --temperature"
        if self._variety > MANY and self._is_better(self.greedy, self.drawn):
            return (
                f"all hypotheses together have {self.title} {percent(self.drawn)}, greedy decoding "
                f"{percent(self.greedy)}: lower --temperature"
            )
        if (self.frac_reward_zero_std or 0) > MANY and not self.frac_all_wrong:
            return "they differ, and the verifiers do not tell them apart: add one that does"
        return "raise --samples-per-prompt"

    @property
    def _variety(self) -> float:
        """How distinct the hypotheses are: 0 where all of a clip are the same, 1 where none are."""
        return (self.k * self.distinct - 1) / (self.k - 1)

    def _is_better(self, one: float | None, other: float | None) -> bool:
        """Whether one rate is better than another; also where they cannot be compared."""
        if one is None or other is None:
            return True
        return one > other if self.higher_is_better else one < other

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
    drawn = _rate([parts for i in probed for parts in sampled[i]])
    # A hypothesis without a denominator was not measured: no candidate, unless none was.
    best = [min(sampled[i], key=lambda p: (not p[1], sign * p[0] / (p[1] or 1))) for i in probed]
    return Learnability(
        metric=metric.name,
        title=metric.title,
        greedy=greedy_rate,
        oracle=_rate(best),
        drawn=drawn,
        k=rewards.k,
        n=len(probed),
        clips=rewards.clips,
        frac_reward_zero_std=rewards.frac_reward_zero_std,
        frac_all_right=rewards.frac_all_earn(1.0),
        frac_all_wrong=rewards.frac_all_earn(0.0),
        distinct=rewards.distinct or 0.0,
        higher_is_better=bool(metric.higher_is_better),
    )


def _rate(parts: Sequence[Parts]) -> float | None:
    total = sum(denominator for _, denominator in parts)
    return sum(numerator for numerator, _ in parts) / total if total else None
