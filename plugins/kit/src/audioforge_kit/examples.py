"""What a plugin gives its contract tests to work with: one example for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs import field, frozen

from audioforge import keyed_random
from audioforge.dataset import DatasetRequest
from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Rollout
from audioforge.tasks import speech_task

SAMPLING_RATE = 16_000
"""In Hz, of the sound in examples that does not say another."""


def speech_like(seconds: float, key: str = "", sampling_rate: int = SAMPLING_RATE) -> np.ndarray:
    """Return sound with the outline of speech: harmonics of a voice, in syllables, with pauses.

    Args:
        seconds: How long.
        key: Another key, another voice.
        sampling_rate: Sampling rate, in Hz.

    Returns:
        float32, shape (frames,), within [-0.5, 0.5].
    """
    draw = keyed_random.generator("speech", key)
    time = np.arange(round(seconds * sampling_rate)) / sampling_rate
    pitch = draw.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / sampling_rate
    voice = sum(np.sin(n * phase) / n for n in range(1, 16))
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time + draw.uniform(0, 3)) + 0.3, 0, 1)
    sound = voice * syllables + 0.003 * draw.standard_normal(len(time))
    return (0.5 * sound / max(1.0, float(np.abs(sound).max(initial=0.0)))).astype(np.float32)


@frozen(eq=False)
class Case:
    """A sample with the k hypotheses that a verifier is to score.

    Attributes:
        sample: The sample.
        hypotheses: The hypotheses, in the order of their index.
    """

    sample: AudioSample
    hypotheses: tuple[Hypothesis, ...]

    @classmethod
    def texts(cls, reference: str | None, *said: str, **sample: Any) -> Case:
        """Return transcripts of a clip.

        Args:
            reference: What was said.
            said: What the model heard, one text a hypothesis.
            sample: Further fields of the sample, such as `language`.
        """
        hypotheses = [
            Hypothesis(i, text=text, logprob=-1.0 - i, tokens=len(text) + 1)
            for i, text in enumerate(said)
        ]
        return cls(_sample(f"text-{reference}", {"reference": reference, **sample}), (*hypotheses,))

    @classmethod
    def called(cls, label: str | None, *called: str, **sample: Any) -> Case:
        """Return classes of a clip.

        Args:
            label: The right one; None where it is not known.
            called: What the model called it, one label a hypothesis.
            sample: Further fields of the sample.
        """
        hypotheses = [
            Hypothesis(i, label=name, logprob=-1.0 - i, tokens=1) for i, name in enumerate(called)
        ]
        labels = () if label is None else (label,)
        return cls(_sample(f"label-{label}", {"labels": labels, **sample}), (*hypotheses,))

    @classmethod
    def spoken(
        cls,
        text: str | None,
        *waveforms: np.ndarray,
        sampling_rate: int = SAMPLING_RATE,
        **sample: Any,
    ) -> Case:
        """Return generated speech.

        Args:
            text: What was to be said.
            waveforms: float32, shape (frames,); one a hypothesis.
            sampling_rate: Sampling rate of the waveforms, in Hz.
            sample: Further fields of the sample, such as `audio`: the voice to speak with.
        """
        hypotheses = [
            Hypothesis(i, audio=waveform, sampling_rate=sampling_rate)
            for i, waveform in enumerate(waveforms)
        ]
        return cls(_sample(f"speech-{text}", {"reference": text, **sample}), (*hypotheses,))


def _sample(identity: str, fields: Mapping[str, Any]) -> AudioSample:
    """Return a sample whose audio is decoded already, as the engine hands it to a verifier."""
    sound = {"audio": speech_like(2.0, identity), "sampling_rate": SAMPLING_RATE, "duration": 2.0}
    return AudioSample(**{"id": identity, **sound, **fields})


@frozen(kw_only=True, eq=False)
class VerifierExample:
    """How to check a verifier.

    Attributes:
        options: What it is created with.
        cases: Cases that it can judge, some well and some badly; empty for general ones of its
            task.
        labels: The known classes, for classification.
    """

    options: Mapping[str, Any] = field(factory=dict)
    cases: tuple[Case, ...] = ()
    labels: tuple[str, ...] = ("yes", "no", "stop")


@frozen(kw_only=True, eq=False)
class AggregatorExample:
    """How to check a reward aggregator.

    Attributes:
        options: What it is created with.
    """

    options: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False)
class SelectionExample:
    """How to check a selection.

    Attributes:
        options: What it is created with.
        rollouts: Rollouts of one cycle, of which it keeps something; empty for general ones.
    """

    options: Mapping[str, Any] = field(factory=dict)
    rollouts: tuple[Rollout, ...] = ()


@frozen(kw_only=True, eq=False)
class AugmentationExample:
    """How to check an augmentation: options under which it changes a clip.

    Attributes:
        options: What it is created with.
    """

    options: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False)
class TrackerExample:
    """How to check a tracker.

    Attributes:
        options: To create it with; where it would ask a server, one that keeps it on this machine.
    """

    options: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False)
class ExecutorExample:
    """How to check an executor: what runs on this machine alone.

    Attributes:
        options: What it is created with.
    """

    options: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False)
class ExporterExample:
    """How to check an exporter: a small checkpoint, written into the folder that is given.

    Attributes:
        checkpoint: Folder of the checkpoint; the weights may be random.
        options: To create the exporter with.
    """

    checkpoint: Path
    options: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False)
class DatasetExample:
    """How to check a dataset: a small one, written into the folder that the example is given.

    Attributes:
        request: What a user would ask for; its location is a path into the folder, or the name of
            a corpus.
        options: What it is created with.
        has_references: Whether any of its samples has a reference or a label.
    """

    request: DatasetRequest
    options: Mapping[str, Any] = field(factory=dict)
    has_references: bool = True


@frozen(kw_only=True, eq=False)
class ModelExample:
    """How to check a model adapter: a small checkpoint, written into the folder that is given.

    Attributes:
        checkpoint: Folder of the checkpoint; the weights may be random.
        task: The task that it is loaded for.
        clips: At least two, of different lengths, with references or labels that it can learn.
        targets: What to learn for each clip; empty for the reference or first label.
        learning_rate: Learning rate of the AdamW steps that must lower the loss.
    """

    checkpoint: Path
    task: Task
    clips: tuple[Clip, ...]
    targets: tuple[Hypothesis, ...] = ()
    learning_rate: float = 1e-3

    @classmethod
    def speaking(
        cls, checkpoint: Path, task: Task, said: tuple[str, ...], sampling_rate: int, **others: Any
    ) -> ModelExample:
        """Return an example with a clip of made sound for each text or label.

        Args:
            checkpoint: Folder of the checkpoint.
            task: The task that it is loaded for.
            said: A transcript, text to speak or class for each clip.
            sampling_rate: The sampling rate that the adapter expects, in Hz.
            others: Further fields of the example.
        """
        clips = []
        for number, what in enumerate(said):
            waveform = speech_like(1.0 + 0.4 * number, f"clip-{number}", sampling_rate)
            sample = speech_task(task).with_reference(AudioSample(f"clip-{number}"), what)
            clip = Clip(sample, waveform, sampling_rate)
            clips.append(attrs.evolve(clip, sample=clip.as_sample()))
        return cls(checkpoint=checkpoint, task=task, clips=tuple(clips), **others)
