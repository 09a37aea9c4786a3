"""What of a dataset a model cannot take: clips over its window, letters and labels it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

from audioforge.sample import AudioSample
from audioforge.specs import Limits

MOST_SHOWN = 5
"""Characters that a sentence names."""


@frozen
class Misfit:
    """One thing about a clip that a model cannot take.

    Attributes:
        kind: A short class of problems to count by.
        reason: What is wrong, and what to do.
    """

    kind: str
    reason: str


@define
class ModelFit:
    """What a model cannot take of the clips seen so far.

    Attributes:
        model: The checkpoint, as it was named.
        limits: What it can take; None where its adapter does not say.
        too_long: How many clips are over its window.
        unknown_characters: How often each character is in transcripts that it cannot write.
        unknown_labels: How many clips have each label that is none of its classes.
    """

    model: str
    limits: Limits | None
    too_long: int = 0
    unknown_characters: Counter[str] = field(factory=Counter)
    unknown_labels: Counter[str] = field(factory=Counter)

    def misfits(self, sample: AudioSample, seconds: float) -> Iterator[Misfit]:
        """Count a clip of so many seconds, and yield what the model cannot take of it."""
        if self.limits is None:
            return
        window = self.limits.max_seconds
        if window is not None and seconds > window:
            self.too_long += 1
            yield Misfit(
                "too long",
                f"{seconds:.2f} s is longer than the model's window of {window:g} s; cut it into "
                f"shorter ones: audioforge datasets convert --split-silence",
            )
        if self.limits.unknown_characters is not None and sample.reference:
            found = self.limits.unknown_characters(sample.reference)
            self.unknown_characters.update(found)
            if found:
                named = ", ".join(f"'{c}'" for c in list(found)[:MOST_SHOWN])
                yield Misfit(
                    "not in vocabulary",
                    f"the model's vocabulary lacks {named}; write it in letters that it has",
                )
        if self.limits.labels is not None and sample.labels:
            unknown = [label for label in sample.labels if label not in self.limits.labels]
            self.unknown_labels.update(unknown)
            if unknown:
                yield Misfit(
                    "not a label of the model",
                    f"{', '.join(map(repr, unknown[:MOST_SHOWN]))} is none of the model's "
                    f"{len(self.limits.labels)} classes",
                )

    def to_json(self) -> dict[str, Any]:
        """Return what was counted as plain values; the window in seconds."""
        limits = self.limits
        if limits is None:
            return {"name": self.model}
        spells = limits.unknown_characters is not None
        return {
            "name": self.model,
            "max_seconds": limits.max_seconds,
            "too_long": None if limits.max_seconds is None else self.too_long,
            "unknown_characters": _sorted(self.unknown_characters) if spells else None,
            "unknown_labels": None if limits.labels is None else _sorted(self.unknown_labels),
        }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """Return counts, the greatest first; equal ones in the order of their names."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
