"""Selection: which hypotheses are learnt from.

RAFT (Dong et al. 2023) keeps the best of the k samples of each prompt; that is `best`. A global top
percent (`top-percent`) picks easy clips. `random` and `reference` are controls of equal compute.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from audioforge import keyed_random
from audioforge.errors import ConfigError
from audioforge.sample import AudioSample, Hypothesis, Rollout, ScoredHypothesis


@frozen(eq=False)
class Kept:
    """One thing to learn: a target for a sample.

    Attributes:
        sample: The sample.
        target: The hypothesis to make more likely.
        weight: Its share in the loss; RAFT is weight 1.
    """

    sample: AudioSample
    target: Hypothesis
    weight: float = 1.0


def select(
    rollouts: Sequence[Rollout], strategy: str, *, threshold: float, top_percent: float, seed: int
) -> list[Kept]:
    """Mark in each rollout what is kept, and return it, sorted by sample id.

    Args:
        rollouts: All rollouts of a cycle; each hypothesis' `kept` is set.
        strategy: "best", "top-percent", "random" or "reference".
        threshold: With "best" and "top-percent", the smallest reward that is kept.
        top_percent: With "top-percent", how many of all judged hypotheses to keep.
        seed: Keys the draw of "random" and the order of equal rewards of "top-percent".
    """
    ordered = sorted(rollouts, key=lambda r: r.sample.id)
    if strategy == "best":
        chosen = [pair for r in ordered if (pair := _best(r, threshold))]
    elif strategy == "top-percent":
        chosen = _top_percent(ordered, threshold, top_percent, seed)
    elif strategy == "random":
        chosen = [(r, _random(r, seed)) for r in ordered]
    elif strategy == "reference":
        chosen = [(r, r.hypotheses[0]) for r in ordered]
    else:
        raise ConfigError([f"selection: '{strategy}' is unknown"])
    for rollout in ordered:
        for hypothesis in rollout.hypotheses:
            hypothesis.kept = False
    for _, hypothesis in chosen:
        hypothesis.kept = True
    return [Kept(r.sample, h.hypothesis) for r, h in chosen]


def _judged(rollout: Rollout) -> list[ScoredHypothesis]:
    return [h for h in rollout.hypotheses if h.reward is not None]


def _reward(hypothesis: ScoredHypothesis) -> float:
    return -1.0 if hypothesis.reward is None else hypothesis.reward


def _best(rollout: Rollout, threshold: float) -> tuple[Rollout, ScoredHypothesis] | None:
    best = max(_judged(rollout), key=_reward, default=None)  # the first of equal ones
    return (rollout, best) if best is not None and _reward(best) >= threshold else None


def _top_percent(
    rollouts: list[Rollout], threshold: float, percent: float, seed: int
) -> list[tuple[Rollout, ScoredHypothesis]]:
    judged = [(r, h) for r in rollouts for h in _judged(r)]

    def rank(pair: tuple[Rollout, ScoredHypothesis]) -> tuple[float, float]:
        rollout, hypothesis = pair
        key = ("top-percent", seed, rollout.cycle, rollout.sample.id, hypothesis.hypothesis.index)
        return (-_reward(hypothesis), float(keyed_random.uniforms(1, *key)[0]))

    count = max(1, round(len(judged) * percent / 100)) if judged else 0
    top = [pair for pair in sorted(judged, key=rank)[:count] if _reward(pair[1]) >= threshold]
    return sorted(top, key=lambda pair: (pair[0].sample.id, pair[1].hypothesis.index))


def _random(rollout: Rollout, seed: int) -> ScoredHypothesis:
    draw = keyed_random.generator("random", seed, rollout.cycle, rollout.sample.id)
    return rollout.hypotheses[int(draw.integers(len(rollout.hypotheses)))]
