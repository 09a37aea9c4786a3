"""The engine's own selections.

RAFT (Dong et al. 2023) keeps the best of the k samples of each prompt; that is `best`. A global top
percent (`top-percent`) picks easy clips. `random` and `reference` are controls of equal compute.
Of a clip's equal rewards the likelier hypothesis is preferred, see `audioforge.judging.preference`.
Neither of these two keeps a hypothesis that a length limit cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from audioforge import keyed_random
from audioforge.judging.preference import by_preference
from audioforge.sample import Rollout
from audioforge.selection import Kept, Selected, Selection, SelectionContext


class Best(Selection):
    """Each clip's best hypothesis, if it earns enough."""

    least_hypotheses = 2

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep the preferred one of the best hypotheses of each clip, from the threshold on."""
        kept = []
        for rollout in rollouts:
            ranked = by_preference(rollout)
            if ranked and ranked[0][0] >= context.threshold:
                kept.append(Kept(rollout.sample, ranked[0][1]))
        return Selected(kept)


class TopPercent(Selection):
    """The best percent of all hypotheses that have a reward, whosever they are."""

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep the highest rewards from the threshold on; a keyed draw orders equal ones.

        Of one clip's equal rewards the preferred hypothesis has the first of their draws.
        """
        rewarded, ranked = 0, list[tuple[float, float, Kept]]()
        for rollout in rollouts:
            key = ("top-percent", context.seed, rollout.cycle, rollout.sample.id)
            ordered = by_preference(rollout)
            rewarded += len(ordered)
            for reward, equals in groupby(ordered, key=lambda pair: pair[0]):
                if reward >= context.threshold:
                    kept = [Kept(rollout.sample, hypothesis) for _, hypothesis in equals]
                    draws = [keyed_random.generator(*key, k.target.index).random() for k in kept]
                    ranked += zip([-reward] * len(kept), sorted(draws), kept, strict=True)
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
