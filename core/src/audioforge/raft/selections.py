"""The engine's own selections.

RAFT (Dong et al. 2023) keeps the best of the k samples of each prompt; that is `best`. A global top
percent (`top-percent`) picks easy clips. `random` and `reference` are controls of equal compute.
"""

from __future__ import annotations

from collections.abc import Iterable

from audioforge import keyed_random
from audioforge.sample import Hypothesis, Rollout
from audioforge.selection import Kept, Selected, Selection, SelectionContext


def _with_rewards(rollout: Rollout) -> list[tuple[float, Hypothesis]]:
    """Return the hypotheses that have a reward, each with it."""
    return [(h.reward, h.hypothesis) for h in rollout.hypotheses if h.reward is not None]


class Best(Selection):
    """Each clip's best hypothesis, if it earns enough."""

    least_hypotheses = 2

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep the first of the best hypotheses of each clip, from the threshold on."""
        kept = []
        for rollout in rollouts:
            best = max(_with_rewards(rollout), key=lambda pair: pair[0], default=None)
            if best is not None and best[0] >= context.threshold:
                kept.append(Kept(rollout.sample, best[1]))
        return Selected(kept)


class TopPercent(Selection):
    """The best percent of all hypotheses that have a reward, whosever they are."""

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep the highest rewards from the threshold on; a keyed draw orders equal ones."""
        rewarded, ranked = 0, []
        for rollout in rollouts:
            for reward, hypothesis in _with_rewards(rollout):
                rewarded += 1
                if reward >= context.threshold:
                    key = ("top-percent", context.seed, rollout.cycle, rollout.sample.id)
                    draw = float(keyed_random.uniforms(1, *key, hypothesis.index)[0])
                    ranked.append((-reward, draw, Kept(rollout.sample, hypothesis)))
        count = max(1, round(rewarded * context.keep_top_percent / 100)) if rewarded else 0
        # What the threshold left out ranks below all of these, and cannot push one of them out.
        return Selected([k for _, _, k in sorted(ranked, key=lambda item: item[:2])[:count]])


class Random(Selection):
    """A control: one hypothesis of each clip, whatever it earns."""

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep one hypothesis of each clip, by a keyed draw."""
        kept = []
        for rollout in rollouts:
            draw = keyed_random.generator("random", context.seed, rollout.cycle, rollout.sample.id)
            chosen = rollout.hypotheses[int(draw.integers(len(rollout.hypotheses)))]
            kept.append(Kept(rollout.sample, chosen.hypothesis))
        return Selected(kept)


class Reference(Selection):
    """A control: each clip's reference, which is supervised fine-tuning."""

    learns_from_references = True

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep every reference."""
        return Selected([Kept(r.sample, r.hypotheses[0].hypothesis) for r in rollouts])
