"""MWER: the word errors that a clip's hypotheses make on average are made fewer.

Prabhavalkar et al. 2018, "Minimum Word Error Rate Training for Attention-based Sequence-to-Sequence
Models": the model's own probabilities of the k hypotheses are renormalised to sum to 1, and the
expected number of word errors under them is made small. As there, the likelihood of the transcript
is added with a small weight, which keeps the model from forgetting what it was not asked.

There the k are the beam's; here they are drawn, so that each text counts once however often it was
drawn. For CTC models the likelihood of a text is that of all its paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen
from attrs.validators import ge

from audioforge.errors import ConfigError
from audioforge.objectives.compared import all_equal, distinct, judged
from audioforge.objectives.references import reference_of
from audioforge.sample import Rollout, ScoredHypothesis
from audioforge.selection import REFERENCE, Kept, Loss, Selected, Selection, SelectionContext

if TYPE_CHECKING:
    import torch

EDITS = ("substitutions", "insertions", "deletions")
"""The metrics that word errors are the sum of, as the verifier `wer` states them."""


@frozen
class MwerOptions:
    """Options of `mwer`.

    Attributes:
        transcripts: Weight of the transcript's negative log-likelihood, summed over its tokens;
            0 for none.
        risk: What is made small: "word-errors", for which `wer` must be among the verifiers, or
            "reward", which is 1 − reward.
    """

    transcripts: float = field(default=0.01, converter=float, validator=ge(0.0))
    risk: Literal["word-errors", "reward"] = "word-errors"


class ExpectedRisk(Loss):
    """The risk that is expected of a clip's hypotheses, of which the weights are their risks."""

    def of_clip(
        self, targets: Sequence[Kept], logprobs: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return Σ p × (risk − mean risk), and the transcript's likelihood where it is a target."""
        drawn = [i for i, kept in enumerate(targets) if kept.target.index != REFERENCE]
        quoted = [i for i, kept in enumerate(targets) if kept.target.index == REFERENCE]
        weights = logprobs.new_tensor([kept.weight for kept in targets])
        loss = -(logprobs[quoted] * weights[quoted]).sum()
        if drawn:  # the mean is a baseline: it changes the value, not the gradient
            risks = weights[drawn] - weights[drawn].mean()
            loss = loss + (logprobs[drawn].softmax(dim=0) * risks).sum()
        return loss


class Mwer(Selection):
    """The expected word errors of each clip's hypotheses, with the transcript's likelihood."""

    least_hypotheses = 2
    has_loss = True

    def __init__(self, transcripts: float, risk: str) -> None:
        """Take over the options; see `MwerOptions`."""
        self._transcripts, self._risk = transcripts, risk
        self.quotes_references = transcripts > 0

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Keep what was said of each clip, once each, where some of it is worse than other."""
        kept: list[Kept] = []
        for rollout in rollouts:
            # One that a length limit cut has no likelihood of its own: it would go on.
            hypotheses = [s for s in distinct(judged(rollout)) if not s.hypothesis.cut]
            risks = [self._risk_of(scored) for scored in hypotheses]
            if not all_equal(risks):
                kept += [
                    Kept(rollout.sample, scored.hypothesis, risk)
                    for scored, risk in zip(hypotheses, risks, strict=True)
                ]
            reference = reference_of(rollout.sample, context.task)
            if reference is not None and self._transcripts:
                kept.append(Kept(rollout.sample, reference, self._transcripts))
        return Selected(kept, "clips", ExpectedRisk())

    def _risk_of(self, scored: ScoredHypothesis) -> float:
        if self._risk == "reward":
            return 1.0 - (scored.reward or 0.0)
        for score in scored.scores.values():
            if all(name in score.metrics for name in EDITS):
                return sum(score.metrics[name] for name in EDITS)
        raise ConfigError(
            [
                "selection: mwer counts word errors, and no verifier states them. Add --verifier "
                "wer, or use --selection mwer:risk=reward"
            ]
        )
