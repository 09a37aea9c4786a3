"""One dataset and how it is measured, and what comes of each batch of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cattrs
from attrs import frozen

from audioforge.files.journal import Journal
from audioforge.inference.skip_log import problem_of
from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.measuring.evaluation import EvaluatedItem, EvaluationSet
from audioforge.sample import Problem


@frozen(eq=False, kw_only=True)
class DatasetPass:
    """One dataset, and how it is decoded and measured.

    Attributes:
        dataset: What to decode.
        what: What the progress bar says.
        audio_folder: Where to keep generated audio; None to let it go.
        word_times: Add to each prediction when its words were said.
        metrics: What decides on it first, where that is not what decides on others.
        journal: Where results are kept as they come; what is in it already is not decoded again.
    """

    dataset: EvaluationSet
    what: str = "evaluate"
    audio_folder: Path | None = None
    word_times: bool = False
    metrics: Mapping[str, MeasuredMetric] | None = None
    journal: Journal | None = None

    @property
    def title(self) -> str:
        """What the progress bar says, with the name of the dataset."""
        return f"{self.what} {self.dataset.short_name}"


@frozen(eq=False)
class MeasuredBatch:
    """One batch, decoded greedily and measured.

    Attributes:
        items: What was measured on each usable clip.
        problems: Why the others of the batch could not be used, by sample id.
    """

    items: list[EvaluatedItem]
    problems: dict[str, Problem]


def recalled(
    journal: Journal | None, dataset: EvaluationSet
) -> tuple[list[EvaluatedItem], dict[str, Problem]]:
    """Return what an interrupted evaluation has measured, and what it left out."""
    items: dict[str, EvaluatedItem] = {}  # one that a verifier failed on may be there again
    problems: dict[str, Problem] = {}
    for line in journal.read() if journal is not None else ():
        if "item" in line:
            item = cattrs.structure(line["item"], EvaluatedItem)
            if item.id not in items or items[item.id].errors:  # whichever process wrote it first
                items[item.id] = item
        else:
            sample_id, problem = problem_of(line["left_out"])
            problems[sample_id] = problem
            dataset.skips.recall(problem)
    return list(items.values()), problems
