"""The contract of a selection: which hypotheses a cycle learns from, and how much from each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Rollout

if TYPE_CHECKING:
    import torch

REFERENCE = -1
"""The index of a target that is no hypothesis: the sample's own reference."""

Divisor = Literal["weight", "clips"]
DIVISORS: tuple[Divisor, ...] = ("weight", "clips")


@frozen(eq=False)
class Kept:
    """One thing to learn: a target for a sample.

    Attributes:
        sample: The sample.
        target: The hypothesis to make more likely, or the sample's reference, of index `REFERENCE`.
        weight: Share of the target in the loss; RAFT is weight 1. Only a `Loss` of its own takes
            one below 0, which makes the target less likely.
    """

    sample: AudioSample
    target: Hypothesis
    weight: float = 1.0


class Loss(ABC):
    """What an update makes small, where that is more than the likelihood of single targets.

    It sees all targets of a clip together, as its own rule needs them: policy gradients, expected
    errors. The adapter must be able to tell `logprobs`.
    """

    @abstractmethod
    def of_clip(
        self, targets: Sequence[Kept], logprobs: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of one clip, a scalar.

        Args:
            targets: All that was kept of the clip, sorted by index.
            logprobs: Log-probability of each target under the model as it is now, in nats, summed
                over its tokens; float32, shape (targets,), with gradients.
            tokens: How many tokens each has, the end token included; float32, shape (targets,).
        """


@frozen(eq=False)
class Selected:
    """What a selection makes of a cycle.

    Attributes:
        items: What is learnt, in any order, each hypothesis once. All that is kept of one clip is
            learnt in one step.
        divisor: What a step's summed loss is divided by: "weight" is the sum of the absolute
            weights of the step's items, "clips" the number of distinct clips among them.
        loss: What is made small; None is the sum of weight × mean negative log-likelihood per
            token, which every adapter can compute. A loss of its own goes with "clips".
    """

    items: Sequence[Kept]
    divisor: Divisor = "weight"
    loss: Loss | None = None


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
        quotes_references: Whether it returns references beside hypotheses, so that their style is
            learnt too.
        least_hypotheses: How many hypotheses per clip it needs at least, to choose among them.
        has_loss: Whether it returns a loss of its own, for which the adapter must tell `logprobs`.
    """

    learns_from_references: ClassVar[bool] = False
    quotes_references: bool = False
    least_hypotheses: ClassVar[int] = 1
    has_loss: ClassVar[bool] = False

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
