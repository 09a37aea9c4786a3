"""Class by class: precision, recall, F1 and the confusion matrix of a classification.

A clip can have several labels that are all correct. It is then counted once: as the predicted class
where that is one of its labels, otherwise as its first label. With one label a clip this is the
usual definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from attrs import asdict, frozen

from audioforge.measuring.bootstrap import Interval
from audioforge.measuring.resampling import Resampling


@frozen
class ClassMetrics:
    """The metrics of one class.

    Attributes:
        label: Name of the class.
        n: Clips that are of the class.
        precision: Share of the clips called by this label that are of the class; None where none is
            called so.
        recall: Share of the class' clips that are called by its label; None where there are none.
        f1: Harmonic mean of both, 2 hits / (clips of the class + clips called so); it is 0 where
            there is no hit.
    """

    label: str
    n: int
    precision: float | None
    recall: float | None
    f1: float


@frozen(eq=False)
class ClassificationReport:
    """Clips counted by class and prediction.

    Attributes:
        labels: Every class that occurs, as a label or as a prediction, sorted.
        actual: The class of each clip, as an index into `labels`, shape (clips,).
        predicted: The predicted class of each clip, likewise.
        resampling: How the clips are drawn for an interval.
    """

    labels: tuple[str, ...]
    actual: np.ndarray
    predicted: np.ndarray
    resampling: Resampling

    @property
    def confusion(self) -> np.ndarray:
        """How many clips of a class (row) were called what (column), in the order of `labels`."""
        size = len(self.labels)
        pairs = self.actual * size + self.predicted
        return np.bincount(pairs, minlength=size * size).reshape(size, size)

    @property
    def accuracy(self) -> float:
        """Share of the clips that were called by one of their labels."""
        return float(np.mean(self.actual == self.predicted))

    @property
    def classes(self) -> list[ClassMetrics]:
        """Each class, in the order of `labels`."""
        counts = self.confusion
        hits, actual, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        return [
            ClassMetrics(
                label=label,
                n=int(actual[i]),
                precision=float(hits[i] / predicted[i]) if predicted[i] else None,
                recall=float(hits[i] / actual[i]) if actual[i] else None,
                f1=float(2 * hits[i] / (actual[i] + predicted[i])),
            )
            for i, label in enumerate(self.labels)
        ]

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur, each with the same weight.

        Equal to scikit-learn's `f1_score(average="macro", zero_division=0)`.
        """
        return float(np.mean([row.f1 for row in self.classes]))

    @property
    def macro_f1_interval(self) -> Interval:
        """95 % interval of the macro-averaged F1, by resampling as `measuring.bootstrap` does.

        A class that does not occur in a resample takes no part in its mean.
        """
        means = np.concatenate(list(self._resampled()))
        tail = 100 * self.resampling.tail(0.95)
        low, high = np.percentile(means, [tail, 100 - tail])
        return float(low), float(high)

    def as_mapping(self) -> dict[str, Any]:
        """Return what `audioforge benchmark --json` prints of it."""
        return {
            "macro_f1": self.macro_f1,
            "macro_f1_ci95": list(self.macro_f1_interval),
            "classes": [asdict(row) for row in self.classes],
            "confusion": {"labels": list(self.labels), "counts": self.confusion.tolist()},
        }

    def _resampled(self) -> Iterator[np.ndarray]:
        """Yield the macro-averaged F1 of some resamples at a time."""
        size = len(self.labels)
        hit = self.actual == self.predicted
        for units in self.resampling.draws("macro_f1"):
            drawn = units[:, self.resampling.unit_of]
            hits = _count_by_class(drawn[:, hit], self.actual[hit], size)
            both = _count_by_class(drawn, self.actual, size) + _count_by_class(
                drawn, self.predicted, size
            )
            f1 = np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)
            yield f1.sum(axis=1) / (both > 0).sum(axis=1)


def classification_report(
    references: Sequence[Sequence[str]],
    predictions: Sequence[str],
    resampling: Resampling | None = None,
) -> ClassificationReport:
    """Count predictions against references.

    Args:
        references: The correct labels of each clip, at least one.
        predictions: The predicted label of each clip.
        resampling: How the clips are drawn; None where nothing is known of their speakers.

    Raises:
        ValueError: If there is no clip, or one has no label.
    """
    if not predictions:
        raise ValueError("a classification report needs at least one clip")
    if not all(references):
        raise ValueError("a classification report needs a label of every clip")
    actual = [
        prediction if prediction in labels else labels[0]
        for labels, prediction in zip(references, predictions, strict=True)
    ]
    labels, indices = np.unique([*actual, *predictions], return_inverse=True)
    return ClassificationReport(
        tuple(str(label) for label in labels),
        indices[: len(actual)],
        indices[len(actual) :],
        resampling or Resampling([None] * len(actual)),
    )


def _count_by_class(drawn: np.ndarray, classes: np.ndarray, size: int) -> np.ndarray:
    """Return how often each class was drawn.

    Args:
        drawn: How often each clip was drawn, shape (resamples, clips).
        classes: The class of each clip, as an index, shape (clips,).
        size: Number of classes.

    Returns:
        Shape (resamples, size).
    """
    counts = np.zeros((len(drawn), size))
    if len(classes):
        order = np.argsort(classes, kind="stable")
        present, starts = np.unique(classes[order], return_index=True)
        counts[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return counts
