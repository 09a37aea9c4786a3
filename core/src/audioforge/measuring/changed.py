"""Which utterances a model says otherwise than another one, better or worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from attrs import frozen

from audioforge.measuring.evaluation import EvaluatedItem, Evaluation


@frozen
class Change:
    """An utterance that two models say differently.

    Attributes:
        id: Id of the sample.
        text: What is right.
        before: What the first one said.
        after: What the second one says.
        gain: By how much it is better, in what the metric counts: errors of the utterance, say;
            negative where it is worse.
    """

    id: str
    text: str
    before: str
    after: str
    gain: float

    def describe(self) -> list[str]:
        """Return it in lines."""
        how = "improved" if self.gain > 0 else "got worse"
        return [
            f"  {self.id} {how} by {abs(self.gain):.3g}",
            f"    right:  {self.text}",
            f"    before: {self.before}",
            f"    now:    {self.after}",
        ]

    def as_mapping(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return attrs.asdict(self)


def changed(before: Evaluation, after: Evaluation) -> list[Change]:
    """Return the utterances whose measure changed, by how much, the largest change first.

    Args:
        before: The one model, on some utterances.
        after: The other one, on the same.

    Returns:
        Only of what both said in text, and could be measured.
    """
    sign = 1.0 if after.metric.higher_is_better else -1.0
    metric = next(iter(after.metrics.values()))
    old = {item.id: item for item in before.items}
    changes = []
    for item in after.items:
        if item.id not in old or not (_says(item) and _says(old[item.id])):
            continue
        now, then = metric.parts(item.metrics), metric.parts(old[item.id].metrics)
        gain = sign * (now[0] - then[0])
        if gain and now[1] and then[1]:
            prior = old[item.id].prediction
            changes.append(
                Change(
                    item.id,
                    str(item.prediction.get("text", "")),
                    str(prior["pred_text"]),
                    str(item.prediction["pred_text"]),
                    gain,
                )
            )
    return sorted(changes, key=lambda change: (-abs(change.gain), change.id))


def telling(changes: Sequence[Change], count: int) -> list[Change]:
    """Return a few changes that tell most: the largest gain, the largest loss, then the others.

    Args:
        changes: The largest first.
        count: How many.
    """
    gains = [change for change in changes if change.gain > 0]
    losses = [change for change in changes if change.gain < 0]
    first = [*gains[:1], *losses[:1]]
    others = [change for change in changes if change not in first]
    return [*first, *others][:count]


def _says(item: EvaluatedItem) -> bool:
    return isinstance(item.prediction.get("pred_text"), str)
