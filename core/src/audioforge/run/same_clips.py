"""Whether data are still those that a run held out: it wrote down the id, text and length of each.

The data may have been changed, moved or mixed since, and a figure of other clips would be compared
with the run's; where the run split its data, clips that it learnt from could be among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audioforge.errors import AudioForgeError, listed
from audioforge.files.json_lines import read_objects
from audioforge.measuring.evaluation import Evaluation, EvaluationSet
from audioforge.run.folder import RunFolder

Lines = Mapping[str, Mapping[str, Any]]
"""Lines of predictions by the id of the sample."""

OTHERS = "name clips to measure on by --dataset"
COMPARED = ("text", "duration", "offset", "channel")
"""What a line says of a clip, whatever a model makes of it."""


class NothingToMeasureError(AudioForgeError):
    """An exported model cannot be measured; the message says why."""


def lines_of_base(folder: RunFolder) -> Lines:
    """Return what a run wrote of each clip that it measured its base on.

    Raises:
        NothingToMeasureError: If that cannot be read.
    """
    path = folder.cycle(0) / "predictions.jsonl"
    try:
        return {row["id"]: row for _, _, row in read_objects(path) if isinstance(row, dict)}
    except (AudioForgeError, OSError, KeyError) as error:
        raise NothingToMeasureError(
            f"which clips the run held out is not known ({error}); {OTHERS}"
        ) from error


def keep_measured(dataset: EvaluationSet, lines: Lines) -> None:
    """Leave in a dataset the clips that the run measured, sorted by id.

    Raises:
        NothingToMeasureError: If one is not there.
    """
    kept = sorted((s for s in dataset.samples if s.id in lines), key=lambda s: s.id)
    missing = sorted(lines.keys() - {sample.id for sample in kept})
    if missing:
        raise NothingToMeasureError(
            f"{dataset.name}: of the {len(lines):,} clips that the run held out, {len(missing):,} "
            f"are not held out any more: {listed(missing, 3)}. The data have changed since; "
            f"{OTHERS}"
        )
    dataset.samples = kept


def require_unchanged(dataset: EvaluationSet, measured: Evaluation, lines: Lines) -> None:
    """Check that clips are what they were: usable, with the same text and length.

    Args:
        dataset: What was to be measured.
        measured: What was measured on it.
        lines: What the run wrote.

    Raises:
        NothingToMeasureError: If one is not.
    """
    now = {item.id: item.prediction for item in measured.items}
    changed = [s.id for s in dataset.samples if not _are_alike(now.get(s.id, {}), lines[s.id])]
    if changed:
        raise NothingToMeasureError(
            f"{dataset.name}: of the clips that the run held out, {len(changed):,} have another "
            f"text or length now, or cannot be read: {listed(changed, 3)}; {OTHERS}"
        )


def _are_alike(now: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    return all(now.get(key) == then.get(key) for key in COMPARED)
