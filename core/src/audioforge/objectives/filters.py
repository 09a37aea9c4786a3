"""Rules that keep hypotheses to make them likelier: RAFT and its kin, and the controls.

RAFT (Dong et al. 2023) keeps the best of the k samples of each prompt; that is `best`. `top-n`
keeps more of them, `weighted` all, each as much as its reward says (reward-weighted regression,
Peters & Schaal 2007). A global top percent (`top-percent`) picks easy clips. `mix` learns the
transcripts beside the best. `random` and `reference` are controls of equal compute. None but
`random` keeps a hypothesis that a length limit cut. Of a clip's equal rewards the likelier one is
preferred, see `audioforge.judging.preference`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

from attrs import field, frozen
from attrs.validators import and_, ge, gt, lt

from audioforge import keyed_random
from audioforge.judging.preference import by_preference
from audioforge.objectives.compared import all_equal, distinct, judged, rewards_of
from audioforge.objectives.references import reference_of
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


@frozen
class TopNOptions:
    """Options of `top-n`.

    Attributes:
        n: How many hypotheses to keep of each clip at most.
    """

    n: int = field(default=2, validator=ge(1))


class TopN(Selection):
    """Each clip's n best hypotheses, if they earn enough; what was said twice counts once."""

    least_hypotheses = 2

    def __init__(self, n: int) -> None:
        """Take over the options; see `TopNOptions`."""
        self._n = n

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep the first n in the order of preference, from the threshold on."""
        kept = []
        for rollout in rollouts:
            first = {
                h.content: h
                for reward, h in reversed(by_preference(rollout))
                if reward >= context.threshold
            }
            kept += [Kept(rollout.sample, h) for h in [*reversed(first.values())][: self._n]]
        return Selected(kept)


@frozen
class WeightedOptions:
    """Options of `weighted`.

    Attributes:
        spread: The difference in reward that makes a hypothesis e times heavier.
    """

    spread: float = field(default=0.1, converter=float, validator=gt(0.0))


class Weighted(Selection):
    """All of a clip's hypotheses that earn enough, each as much as its reward says.

    The weights of a clip add up to 1; what was said twice counts once.
    """

    least_hypotheses = 2

    def __init__(self, spread: float) -> None:
        """Take over the options; see `WeightedOptions`."""
        self._spread = spread

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Weigh hypotheses by exp(reward / spread), from the threshold on."""
        kept: list[Kept] = []
        for rollout in rollouts:
            hypotheses = [s for s in distinct(judged(rollout)) if not s.hypothesis.cut]
            rewards = rewards_of(hypotheses)
            if all_equal(rewards):  # the model's own draws, as they are: nothing to learn
                continue
            best = max(rewards, default=0.0)
            weights = [
                math.exp((reward - best) / self._spread) if reward >= context.threshold else 0.0
                for reward in rewards
            ]
            kept += [
                Kept(rollout.sample, scored.hypothesis, weight / sum(weights))
                for scored, weight in zip(hypotheses, weights, strict=True)
                if weight
            ]
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


@frozen
class MixOptions:
    """Options of `mix`.

    Attributes:
        transcripts: Share of the transcript in what is learnt of a clip; the rest is the best
            hypothesis'.
    """

    transcripts: float = field(default=0.5, converter=float, validator=and_(gt(0.0), lt(1.0)))


class Mix(Selection):
    """Each clip's transcript and its best hypothesis, side by side."""

    least_hypotheses = 2
    quotes_references = True

    def __init__(self, transcripts: float) -> None:
        """Take over the options; see `MixOptions`."""
        self._transcripts, self._best = transcripts, Best()

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep the best as `best` does, and the reference of every clip that has one.

        A clip counts 1 in all: where only one of the two is there, it counts whole.
        """
        kept: list[Kept] = []
        for rollout in rollouts:
            best = [item.target for item in self._best.select([rollout], context).items]
            reference = reference_of(rollout.sample, context.task)
            if reference is None:
                kept += [Kept(rollout.sample, target) for target in best]
                continue
            share = self._transcripts if best else 1.0
            kept += [Kept(rollout.sample, target, 1.0 - share) for target in best]
            kept.append(Kept(rollout.sample, reference, share))
        return Selected(kept)
