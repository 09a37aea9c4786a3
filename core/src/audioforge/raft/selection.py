"""Selection: which hypotheses are learnt from.

RAFT (Dong et al. 2023) keeps the best of the k samples of each prompt; that is `best`. A global top
percent (`top-percent`) picks easy clips. `random` and `reference` are controls of equal compute.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from audioforge import keyed_random
from audioforge.errors import ConfigError
from audioforge.sample import AudioSample, Hypothesis, Rollout


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
    rollouts: Iterable[Rollout], strategy: str, *, threshold: float, top_percent: float, seed: int
) -> list[Kept]:
    """Return what is kept, sorted by sample id and hypothesis index.

    Args:
        rollouts: All rollouts of a cycle, in any order; they are read once, and not held.
        strategy: "best", "top-percent", "random" or "reference".
        threshold: With "best" and "top-percent", the smallest reward that is kept.
        top_percent: With "top-percent", how many of all judged hypotheses to keep.
        seed: Keys the draw of "random" and the order of equal rewards of "top-percent".
    """
    if strategy == "best":
        kept = [k for r in rollouts if (k := _best(r, threshold))]
    elif strategy == "top-percent":
        kept = _top_percent(rollouts, threshold, top_percent, seed)
    elif strategy == "random":
        kept = [_random(r, seed) for r in rollouts]
    elif strategy == "reference":
        kept = [Kept(r.sample, r.hypotheses[0].hypothesis) for r in rollouts]
    else:
        raise ConfigError([f"selection: '{strategy}' is unknown"])
    return sorted(kept, key=lambda k: (k.sample.id, k.target.index))


def _judged(rollout: Rollout) -> list[tuple[float, Hypothesis]]:
    return [(h.reward, h.hypothesis) for h in rollout.hypotheses if h.reward is not None]


def _best(rollout: Rollout, threshold: float) -> Kept | None:
    # The first of equal ones.
    best = max(_judged(rollout), key=lambda pair: pair[0], default=None)
    return Kept(rollout.sample, best[1]) if best is not None and best[0] >= threshold else None


def _top_percent(
    rollouts: Iterable[Rollout], threshold: float, percent: float, seed: int
) -> list[Kept]:
    judged, ranked = 0, []
    for rollout in rollouts:
        for reward, hypothesis in _judged(rollout):
            judged += 1
            if reward >= threshold:
                key = ("top-percent", seed, rollout.cycle, rollout.sample.id, hypothesis.index)
                draw = float(keyed_random.uniforms(1, *key)[0])
                ranked.append((-reward, draw, Kept(rollout.sample, hypothesis)))
    count = max(1, round(judged * percent / 100)) if judged else 0
    # What the threshold left out ranks below all of these, and cannot push one of them out.
    return [kept for _, _, kept in sorted(ranked, key=lambda item: item[:2])[:count]]


def _random(rollout: Rollout, seed: int) -> Kept:
    draw = keyed_random.generator("random", seed, rollout.cycle, rollout.sample.id)
    chosen = rollout.hypotheses[int(draw.integers(len(rollout.hypotheses)))]
    return Kept(rollout.sample, chosen.hypothesis)
