"""The contract of a selection: which hypotheses a cycle learns from, and how much from each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from attrs import frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Rollout

Divisor = Literal["weight", "clips"]
DIVISORS: tuple[Divisor, ...] = ("weight", "clips")


@frozen(eq=False)
class Kept:
    """One thing to learn: a target for a sample.

    Attributes:
        sample: The sample.
        target: The hypothesis to make more likely.
        weight: Share of the target in the loss; RAFT is weight 1.
    """

    sample: AudioSample
    target: Hypothesis
    weight: float = 1.0


@frozen(eq=False)
class Selected:
    """What a selection makes of a cycle.

    Attributes:
        items: What is learnt, in any order, each hypothesis once. All that is kept of one clip is
            learnt in one step.
        divisor: What a step's summed loss is divided by: "weight" is the sum of the absolute
            weights of the step's items, "clips" the number of distinct clips among them.
    """

    items: Sequence[Kept]
    divisor: Divisor = "weight"


@frozen(kw_only=True)
class SelectionContext:
    """What a run tells its selection.

    Attributes:
        task: Task of the run.
        seed: Seed of the run; keys every draw, together with the cycle and the sample's id.
        threshold: The reward from which a hypothesis can be kept.
        keep_top_percent: Percent of all hypotheses with a reward that a selection among all clips
            keeps.
    """

    task: Task
    seed: int
    threshold: float
    keep_top_percent: float


class Selection(ABC):
    """Decides what a cycle learns from. Holds nothing from one cycle to the next.

    Attributes:
        learns_from_references: Whether the hypotheses that it wants are the references themselves:
            then nothing is sampled, and each rollout has the sample's reference as its only one.
        least_hypotheses: How many hypotheses per clip it needs at least, to choose among them.
    """

    learns_from_references: ClassVar[bool] = False
    least_hypotheses: ClassVar[int] = 1

    @abstractmethod
    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Choose what to learn.

        Every process of a run calls it on the same rollouts, and must get the same. Where fewer
        clips are kept than the run asks for (`min_kept`), it is called again, with a lower
        threshold.

        Args:
            rollouts: All rollouts of a cycle, in any order. They come from disk one by one, once:
                hold what is kept, not all of them.
            context: What the run tells.

        Returns:
            What is kept; the same whatever the order of the rollouts.
        """
