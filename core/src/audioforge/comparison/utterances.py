"""The utterances on which models differ, those where they differ most first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from audioforge.comparison.entry import SetOutputs
from audioforge.comparison.outputs import Lines, mean_parts
from audioforge.measuring.corpus_metrics import Parts


@frozen(eq=False)
class Said:
    """What one entry's exported model said of an utterance.

    Attributes:
        lines: Its line of each seed.
        parts: What it adds to the metric that decides, in the mean over seeds; None of nothing.
    """

    lines: Sequence[Mapping[str, Any]]
    parts: Parts | None

    @property
    def text(self) -> str:
        """The output; of the first seed where there are several."""
        line = self.lines[0]
        said = line.get("pred_text", line.get("pred_audio"))
        return "" if said is None else str(said)


@frozen(eq=False)
class Utterance:
    """An utterance on which models differ.

    Attributes:
        identity: Id of the sample.
        line: What is known of it: a line of predictions.
        base: What the untouched model said; None where the first entry has none.
        said: What each entry's exported model said.
    """

    identity: str
    line: Mapping[str, Any]
    base: Said | None
    said: Sequence[Said]

    @property
    def spread(self) -> float:
        """By how much they differ in what they add to the metric."""
        numerators = [said.parts[0] for said in self.said if said.parts is not None]
        return max(numerators) - min(numerators)

    def as_mapping(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what JSON holds of it."""
        known = {key: self.line[key] for key in ("speaker", "language") if key in self.line}
        outputs = dict(zip(names, self.said, strict=True))
        return {
            "id": self.identity,
            **known,
            "text": self.line.get("text"),
            "base": self.base and {"output": self.base.text, "measured": self.base.parts},
            "runs": {
                name: {"output": said.text, "measured": said.parts}
                for name, said in outputs.items()
            },
        }


def differing(outputs: Sequence[SetOutputs], ids: Sequence[str], metric: str) -> list[Utterance]:
    """Return the utterances on which exported models differ in the metric that decides.

    Args:
        outputs: What each entry said of the set.
        ids: The utterances that all have.
        metric: Name of the metric.
    """
    found = []
    for identity in ids:
        said = [_said(one.exported, identity, metric) for one in outputs]
        numerators = {one.parts[0] for one in said if one.parts is not None}
        if len(numerators) > 1:
            base = _said(outputs[0].base, identity, metric) if outputs[0].base else None
            found.append(Utterance(identity, said[0].lines[0], base, said))
    return sorted(found, key=lambda utterance: (-utterance.spread, utterance.identity))


def _said(seeds: Sequence[Lines], identity: str, metric: str) -> Said:
    return Said([lines[identity] for lines in seeds], mean_parts(seeds, identity, metric))
