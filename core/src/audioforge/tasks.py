"""What a task is to the engine: one record for each, and no comparison of its name elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from attrs import evolve, frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Clip, Hypothesis

DEFAULT_TASK: Task = "asr"
"""What a model does where nobody says."""

Output = Literal["text", "label", "audio"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
"""Fields of a hypothesis that a task may fill."""


@frozen(kw_only=True)
class SpeechTask:
    """One task, by what comes in, what comes out, and what decides.

    Attributes:
        name: As `--task` has it.
        default_verifiers: The verifiers of a run that names none.
        default_aggregator: The aggregator of a run that names none.
        metric_verifiers: The verifiers whose corpus metrics every evaluation reports; the first
            one decides where no other is asked for. Without any, the mean reward of the run's own
            verifiers does: no reference says how a text must sound.
        verifier_without_references: The verifier whose metric decides where no clip has a reference
            and no other metric is asked for; None where every clip needs one.
        output: The field of a hypothesis that holds what the model said.
        prediction_key: The key of `predictions.jsonl` and of prediction files that holds it.
        reference: The field of a sample that says what is right.
        reference_needed: Whether a clip without it is of no use even where no verifier asks for
            it.
        hypotheses_per_call: How many hypotheses `audioforge verify` gives verifiers at a time.
    """

    name: Task
    default_verifiers: tuple[str, ...]
    default_aggregator: str = "weighted_mean"
    metric_verifiers: tuple[str, ...]
    verifier_without_references: str | None = None
    output: Output
    prediction_key: str
    reference: Literal["reference", "labels"]
    reference_needed: bool
    hypotheses_per_call: int

    @property
    def reports_reward(self) -> bool:
        """Whether every evaluation reports the mean reward, which is then the task's own metric."""
        return not self.metric_verifiers

    @property
    def generates_speech(self) -> bool:
        """Whether hypotheses are sound, and samples texts that need none."""
        return self.output == "audio"

    @property
    def has_classes(self) -> bool:
        """Whether what is right is one of the classes of the data."""
        return self.reference == "labels"

    def has_reference(self, sample: AudioSample) -> bool:
        """Whether a sample says what the right output would be.

        An empty transcript does: nothing is said. An empty text is nothing to speak.
        """
        if self.has_classes:
            return bool(sample.labels)
        if self.generates_speech:
            return bool(sample.reference and sample.reference.strip())
        return sample.reference is not None

    def with_reference(self, sample: AudioSample, right: str) -> AudioSample:
        """Return a sample of which this text or label is right."""
        said = {"labels": (right,)} if self.has_classes else {"reference": right}
        return evolve(sample, **said)

    def hypothesis(self, said: str) -> Hypothesis:
        """Return the hypothesis that says this text or label."""
        return Hypothesis(label=said) if self.output == "label" else Hypothesis(text=said)

    def quoted(self, clip: Clip) -> Hypothesis | None:
        """Return a clip's own reference as a hypothesis.

        For text to speech that is the recording of the text; None where there is none.
        """
        if self.has_classes:
            return self.hypothesis(clip.sample.labels[0])
        if not self.generates_speech:
            return Hypothesis(text=clip.sample.reference)
        if not len(clip.waveform):
            return None
        return Hypothesis(audio=clip.waveform, sampling_rate=clip.sampling_rate)


_TASKS: Mapping[Task, SpeechTask] = {
    task.name: task
    for task in (
        SpeechTask(
            name="asr",
            default_verifiers=("wer",),
            metric_verifiers=("wer", "cer"),
            verifier_without_references="hallucination",
            output="text",
            prediction_key="pred_text",
            reference="reference",
            reference_needed=False,
            hypotheses_per_call=256,
        ),
        SpeechTask(
            name="classification",
            default_verifiers=("label",),
            metric_verifiers=("label",),
            output="label",
            prediction_key="pred_text",
            reference="labels",
            reference_needed=True,
            hypotheses_per_call=256,
        ),
        SpeechTask(
            name="tts",
            default_verifiers=(
                "intelligibility:weight=0.4",
                "consistency:scale=linear,weight=0.2",
                "quality:weight=0.2",
                "pace:weight=0.1",
                "prosody:weight=0.1",
            ),
            # What a voice must not do at all, no strength makes up for.
            default_aggregator="product",
            metric_verifiers=(),
            output="audio",
            prediction_key="pred_audio",
            reference="reference",
            reference_needed=True,
            hypotheses_per_call=32,
        ),
    )
}


def speech_task(name: str) -> SpeechTask:
    """Return the task of a name in `audioforge.model.TASKS`."""
    return _TASKS[name]  # type: ignore[index]
