"""A sample's own reference as something to learn."""

from __future__ import annotations

from attrs import evolve

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis
from audioforge.selection import REFERENCE
from audioforge.tasks import speech_task


def reference_of(sample: AudioSample, task: Task) -> Hypothesis | None:
    """Return a sample's transcript or label; None where it has none, and for text to speech."""
    known = speech_task(task)
    if known.generates_speech or sample.reference is None:
        return None
    said = sample.labels[0] if known.has_classes else sample.reference
    return evolve(known.hypothesis(said), index=REFERENCE)
