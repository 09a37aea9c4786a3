"""Predictions measured by the metrics of their task: those of any system, or under a normaliser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from audioforge.config import VerifierSetting
from audioforge.errors import UsageError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.measuring.corpus_metrics import metrics_of
from audioforge.measuring.predictions import TRUTH, truth_of
from audioforge.plugins import Registry
from audioforge.sample import AudioSample
from audioforge.tasks import speech_task

THRESHOLD = 0.3
"""Word error rate up to which a transcript passes, which no count depends on."""


def remeasured(
    registry: Registry, lines: Iterable[Mapping[str, Any]], task: str, normalizer: str
) -> list[dict[str, Any]]:
    """Return lines of predictions with what `truth_of` says of them, counted anew.

    Args:
        registry: What is installed.
        lines: The lines, with `text` and `pred_text`.
        task: Their task.
        normalizer: Name of the text normaliser.

    Raises:
        AudioForgeError: If the task has no metric of its own, or its verifiers cannot be had.
    """
    speech = speech_task(task)
    if not speech.metric_verifiers:
        raise UsageError(
            f"task {task}: what its verifiers say cannot be had again from predictions"
        )
    rows = [{key: value for key, value in line.items() if key not in TRUTH} for line in lines]
    samples = [_sample(row, has_classes=speech.has_classes) for row in rows]
    hypotheses = [speech.hypothesis(str(row.get("pred_text") or "")) for row in rows]
    labels = tuple(sorted({label for sample in samples for label in sample.labels}))
    context = verifier_context(registry, speech.name, normalizer, THRESHOLD, "cpu", labels)
    verifiers = {
        name: create_verifier(registry, VerifierSetting.parse(name), context)
        for name in speech.metric_verifiers
    }
    scores = {name: v.verify(samples, hypotheses) for name, v in verifiers.items()}
    metrics = metrics_of(verifiers)
    return [
        row | truth_of({name: own[n].metrics for name, own in scores.items()}, metrics, normalizer)
        for n, row in enumerate(rows)
    ]


def _sample(row: Mapping[str, Any], *, has_classes: bool) -> AudioSample:
    right = row.get("text")
    return AudioSample(
        id=str(row["id"]),
        reference=None if right is None or has_classes else str(right),
        labels=tuple(str(right).split("|")) if right and has_classes else (),
        language=row.get("language"),
    )
