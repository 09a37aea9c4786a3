"""The lines of `predictions.jsonl`: what a model said of each clip, with the right answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.inference.runaway import runs_away
from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.sample import AudioSample, Hypothesis

MOST_COLUMNS = 30
LONGEST_VALUE = 100
"""Columns of a clip's metadata, and characters of a text in them, that are kept."""

WORD_ERRORS = "wer"
"""The verifier whose counts a line carries."""

WORD_COUNTS = ("substitutions", "deletions", "insertions", "reference_words", "reference_units")
"""What a line has of these: the last instead of words where the script has no spaces."""

LABEL = "label"
"""The verifier that says whether a label is right."""

NORMALIZER = "normalizer"
"""The key of what the counts of a line were counted under."""

TRUTH = (*WORD_COUNTS, NORMALIZER, "correct", "measured")
"""The keys that `truth_of` writes."""


def prediction_line(sample: AudioSample, output: Hypothesis, seconds: float) -> dict[str, Any]:
    """Return a line of `predictions.jsonl`: the keys that NeMo's tools use, and the id.

    Args:
        sample: The sample.
        output: What the model said of it.
        seconds: Length of the clip; of the generated audio for text to speech.
    """
    line: dict[str, Any] = {
        "id": sample.id,
        "audio_filepath": place(sample),
        "duration": round(seconds, 4),
        "text": sample.reference if output.label is None else "|".join(sample.labels),
    }
    if output.audio is None:
        line["pred_text"] = output.text if output.label is None else output.label
    elif isinstance(output.audio, Path):
        line["pred_audio"] = f"{output.audio.parent.name}/{output.audio.name}"
    if sample.offset is not None:
        line["offset"] = sample.offset
    if sample.channels:
        line["channel"] = list(sample.channels)
    known = {
        "speaker": sample.speaker,
        "language": sample.language,
        "metadata": short_metadata(sample.metadata),
        "cut": output.cut,
        "runaway": runs_away(output),
        "temperature": output.redrawn_at,
        "no_speech": output.no_speech,
    }
    return line | {key: value for key, value in known.items() if value}


def short_metadata(metadata: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Return of metadata what divides clips into groups: short texts, numbers, yes and no.

    >>> short_metadata({"room": "hall", "snr": 12.5, "words": ["a", "b"], "note": ""})
    {'room': 'hall', 'snr': 12.5}
    """
    found = {str(key): value for key, value in metadata.items() if _is_short(value)}
    return dict(list(found.items())[:MOST_COLUMNS])


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST_VALUE
    return isinstance(value, int | float) and math.isfinite(value)


def truth_of(
    metrics: Mapping[str, Mapping[str, float]],
    corpus_metrics: Mapping[str, MeasuredMetric],
    normalizer: str | None,
) -> dict[str, Any]:
    """Return what a line of `predictions.jsonl` says of how right it is.

    Its word errors and what they were counted under, or whether a label is right; and its numerator
    and denominator of each corpus metric, so that sums over any lines are the corpus metrics of
    these. What could not be measured is not there.

    Args:
        metrics: The metrics of each verifier's score, by verifier id.
        corpus_metrics: The corpus metrics of the evaluation, by name.
        normalizer: Name of the text normaliser.
    """
    errors = metrics.get(WORD_ERRORS, {})
    counts = {name: int(errors[name]) for name in WORD_COUNTS if name in errors}
    label = metrics.get(LABEL, {})
    parts = {
        name: [_whole(part) for part in metric.parts(metrics)]
        for name, metric in corpus_metrics.items()
        if metric.is_measured(metrics)
    }
    return {
        **counts,
        **({NORMALIZER: normalizer} if counts and normalizer else {}),
        **({"correct": label["correct"] > 0} if "correct" in label else {}),
        **({"measured": parts} if parts else {}),
    }


def _whole(number: float) -> float | int:
    """Return a count as a whole number, for JSON to write it shorter."""
    return int(number) if float(number).is_integer() else number


def place(sample: AudioSample) -> str | None:
    """Return where the clip is, as any folder can read it; None for a text without audio."""
    if sample.audio is None:
        return None
    has_file = isinstance(sample.audio, Path) and not sample.stored
    return str(Path(sample.origin).absolute()) if has_file else sample.id
