"""What rules share that compare a clip's hypotheses with each other."""

from __future__ import annotations

from audioforge.sample import Rollout, ScoredHypothesis


def judged(rollout: Rollout) -> list[ScoredHypothesis]:
    """Return a clip's hypotheses that have a reward."""
    return [scored for scored in rollout.hypotheses if scored.reward is not None]


def rewards_of(hypotheses: list[ScoredHypothesis]) -> list[float]:
    """Return the rewards of hypotheses that all have one."""
    return [scored.reward for scored in hypotheses if scored.reward is not None]


def distinct(hypotheses: list[ScoredHypothesis]) -> list[ScoredHypothesis]:
    """Return each thing that was said once, as it was said first."""
    first: dict[str, ScoredHypothesis] = {}
    for scored in hypotheses:
        first.setdefault(scored.hypothesis.content, scored)
    return list(first.values())


def all_equal(values: list[float]) -> bool:
    """Whether values do not tell hypotheses apart."""
    return len(set(values)) <= 1
