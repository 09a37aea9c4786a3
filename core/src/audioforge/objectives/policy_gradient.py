"""Policy gradients: every hypothesis counts, by how much more it earns than its clip's others.

`rloo` takes the mean reward of the other hypotheses as baseline (Kool et al. 2019; Ahmadian et al.
2024, "Back to Basics"), which leaves the gradient of the expected reward unbiased. `grpo` measures
in units of the clip's own spread and means over tokens (Shao et al. 2024, "DeepSeekMath"); without
the division it is the rule of Liu et al. 2025, "Understanding R1-Zero-Like Training".

Hypotheses are drawn before the first step of a cycle, and each step moves the model away from what
drew them. So the loss has the ratio of the sequence's likelihood now and then, as a mean over
tokens, and is clipped where it strays (Zheng et al. 2025, "Group Sequence Policy Optimization");
while the ratio is 1, as in the first step, its gradient is that of the policy itself. The ratio is
to the log-probability that was recorded at temperature 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import gt

from audioforge.objectives.compared import all_equal, judged, rewards_of
from audioforge.sample import Rollout
from audioforge.selection import Kept, Loss, Selected, Selection, SelectionContext

if TYPE_CHECKING:
    import torch

SMALLEST_SPREAD = 1e-4
"""Added to the spread that rewards are divided by."""

Advantages = Callable[[list[float]], list[float]]
"""How much more each of a clip's hypotheses earns than is expected, from their rewards."""


@frozen
class Clipping:
    """Options of the policy gradients.

    Attributes:
        clip: How far the ratio of likelihoods, as a mean over tokens, may be from 1 before a
            hypothesis is no longer pushed further.
    """

    clip: float = field(default=0.2, converter=float, validator=gt(0.0))


@frozen
class GrpoOptions(Clipping):
    """Options of `grpo`.

    Attributes:
        normalize: Whether to divide by the spread of the clip's rewards.
    """

    normalize: bool = True


class PolicyGradient(Loss):
    """The clipped loss of a clip's hypotheses, of which the weights are the advantages.

    Args:
        clip: How far the ratio may be from 1.
        per_token: Whether a hypothesis counts as the mean over its tokens; otherwise as their sum,
            which is the policy's own gradient.
    """

    def __init__(self, clip: float, *, per_token: bool) -> None:
        """Take over the rule."""
        self._clip, self._per_token = clip, per_token

    def of_clip(
        self, targets: Sequence[Kept], logprobs: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return −Σ advantage × ratio, where the ratio has not strayed the way it is pushed."""
        now = logprobs.detach()
        # What the model did not state is taken as drawn by the model as it is.
        before = now.new_tensor(
            [
                float(now[i]) if kept.target.logprob is None else kept.target.logprob
                for i, kept in enumerate(targets)
            ]
        )
        advantages = logprobs.new_tensor([kept.weight for kept in targets])
        ratio = ((logprobs - before) / tokens).exp()
        clipped = ratio.clamp(1 - self._clip, 1 + self._clip)
        gains = (ratio * advantages).minimum(clipped * advantages)
        return -(gains if self._per_token else gains * tokens).sum()


class Rloo(Selection):
    """The policy gradient with the mean reward of a clip's other hypotheses as baseline."""

    least_hypotheses = 2
    has_loss = True

    def __init__(self, clip: float) -> None:
        """Take over the options; see `Clipping`."""
        self._loss = PolicyGradient(clip, per_token=False)

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep every hypothesis that earns more or less than the clip's others."""
        return _selected(rollouts, leave_one_out, self._loss)


class Grpo(Selection):
    """The policy gradient in units of the spread of a clip's rewards, as a mean over tokens."""

    least_hypotheses = 2
    has_loss = True

    def __init__(self, clip: float, normalize: bool) -> None:
        """Take over the options; see `GrpoOptions`."""
        self._loss = PolicyGradient(clip, per_token=True)
        self._advantages = in_spreads if normalize else above_mean

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep every hypothesis that earns more or less than the mean of its clip."""
        return _selected(rollouts, self._advantages, self._loss)


def leave_one_out(rewards: list[float]) -> list[float]:
    """Return each reward less the mean of the others."""
    total, others = sum(rewards), len(rewards) - 1
    return [reward - (total - reward) / others for reward in rewards]


def above_mean(rewards: list[float]) -> list[float]:
    """Return each reward less the mean."""
    mean = fmean(rewards)
    return [reward - mean for reward in rewards]


def in_spreads(rewards: list[float]) -> list[float]:
    """Return each reward less the mean, divided by the standard deviation."""
    spread = pstdev(rewards) + SMALLEST_SPREAD
    return [difference / spread for difference in above_mean(rewards)]


def _selected(rollouts: Iterable[Rollout], advantages: Advantages, loss: Loss) -> Selected:
    """Keep what has an advantage; clips whose hypotheses all earn the same have none."""
    kept: list[Kept] = []
    for rollout in rollouts:
        hypotheses = judged(rollout)
        rewards = rewards_of(hypotheses)
        if all_equal(rewards):
            continue
        for scored, advantage in zip(hypotheses, advantages(rewards), strict=True):
            if advantage:
                kept.append(Kept(rollout.sample, scored.hypothesis, advantage / len(rewards)))
    return Selected(kept, "clips", loss)
