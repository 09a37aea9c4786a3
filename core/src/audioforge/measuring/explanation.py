"""Why a measure is bad, before anything is trained by it.

A model that hears well can have a word error rate over 100 %: transcripts in capitals, digits that
are spelt out on one side, notes in brackets. Training from such a measure teaches notation, if
anything. So the base model's greedy output is scored again: under every normaliser, and with both
sides written without what may not count. What takes most of the errors away explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, frozen

from audioforge import keyed_random
from audioforge.measuring.evaluation import Evaluation, EvaluationSet
from audioforge.measuring.evaluator import Evaluator
from audioforge.measuring.findings import FINDINGS, OF_THE_MODEL
from audioforge.measuring.look import Look
from audioforge.measuring.rescoring import Pair, Rescorer
from audioforge.plugins import Registry

MOST_CLIPS = 500
"""Clips that are scored again; scoring one in eight ways takes under a millisecond."""
MOST_PAIRS = 3
"""Pairs of reference and hypothesis that are shown."""
LONGEST_SHOWN = 80
"""Letters of a text that are shown."""


@frozen(eq=False)
class Explanation:
    """What explains the base model's measure.

    Attributes:
        clips: How many clips were scored again.
        rates: The rate under each normaliser, the run's own first; None without words.
        reason: What explains the rate, in a word or two; None where it is not bad, or nothing does.
        sentence: The reason in a sentence, with what to do; None without one.
        pairs: Clips that show it: id, text and pred_text.
    """

    clips: int
    rates: Mapping[str, float | None]
    reason: str | None = None
    sentence: str | None = None
    pairs: Sequence[Mapping[str, str]] = ()

    @property
    def blames_measure(self) -> bool:
        """Whether the way of measuring explains it, so that no training could mend it."""
        return self.reason is not None and self.reason not in OF_THE_MODEL

    def tell(self, warn: Callable[[str], None], say: Callable[[str], None]) -> None:
        """Say the sentence and the pairs, where there is a reason."""
        if self.sentence is None:
            return
        warn(self.sentence)
        for pair in self.pairs:
            right, said = (_cut(pair[key]) for key in ("text", "pred_text"))
            say(f"  {pair['id']}: the transcript is {right!r}, the model wrote {said!r}")

    def as_mapping(self) -> dict[str, Any]:
        """Return it as results hold it."""
        return {
            "clips": self.clips,
            "rates": dict(self.rates),
            "reason": self.reason,
            "sentence": self.sentence,
            "pairs": [dict(pair) for pair in self.pairs],
        }


def explain(
    registry: Registry,
    evaluator: Evaluator,
    dataset: EvaluationSet,
    evaluation: Evaluation,
    advised: str,
) -> Explanation | None:
    """Look for what explains a rate.

    Args:
        registry: What is installed.
        evaluator: What measured it.
        dataset: What it was measured on.
        evaluation: The greedy output.
        advised: The normaliser that fits the data's languages.

    Returns:
        None where the task's output is no text, or no clip has a reference.
    """
    task = evaluator.task
    pairs = _pairs(dataset, evaluation)
    if task.output != "text" or not task.metric_verifiers or not pairs:
        return None
    rescorer = Rescorer(registry, evaluator.verification, task.metric_verifiers[0])
    counts = rescorer.counts(pairs, rescorer.normalizer)
    if counts is not None:  # what the run's rate does not count is not looked at
        pairs = [pair for pair, counted in zip(pairs, counts.measured, strict=True) if counted]
    own = rescorer.counts(pairs, rescorer.normalizer) if pairs else None
    if own is None:
        return None
    names = dict.fromkeys(
        name for name in (advised, *rescorer.normalizers) if name != rescorer.normalizer
    )
    others = {name: rescorer.counts(pairs, name) for name in names}
    look = Look(rescorer, pairs, own, {name: c for name, c in others.items() if c is not None})
    rates = {name: counts.rate for name, counts in {look.normalizer: own, **look.others}.items()}
    explanation = Explanation(len(pairs), rates)
    for find in FINDINGS:
        if (finding := find(look)) is not None:
            shown = _shown(pairs, finding.shown)
            return evolve(
                explanation, reason=finding.reason, sentence=finding.sentence, pairs=shown
            )
    return explanation


def _pairs(dataset: EvaluationSet, evaluation: Evaluation) -> list[Pair]:
    """Return the clips to score again: the same ones whatever else runs."""
    samples = {s.id: evolve(s, audio=None) for s in dataset.samples if s.reference is not None}
    items = [item for item in evaluation.items if item.id in samples]
    chosen = sorted(keyed_random.shuffled(len(items), "explain")[:MOST_CLIPS])
    said = "pred_text"
    return [
        Pair(samples[items[i].id], str(items[i].prediction[said]))
        for i in chosen
        if said in items[i].prediction
    ]


def _shown(pairs: Sequence[Pair], shown: np.ndarray) -> list[dict[str, str]]:
    """Return the pairs that show something best, of these the shortest."""
    showing = [i for i in range(len(pairs)) if shown[i]]
    order = sorted(showing, key=lambda i: (-shown[i], len(pairs[i].reference), pairs[i].sample.id))
    chosen = [pairs[i] for i in order[:MOST_PAIRS]]
    return [{"id": p.sample.id, "text": p.reference, "pred_text": p.said} for p in chosen]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
