"""`audioforge.load`: a model to use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from audioforge.api.checkpoint import checkpoint_of
from audioforge.audio import load_clip
from audioforge.config import read_config_file
from audioforge.errors import AudioError, UsageError
from audioforge.find_adapter import load_adapter, read_config, served_tasks
from audioforge.given.rows import UnusableRowError, read_sound
from audioforge.inference.fallback import check_falls_back, decode_with_fallback
from audioforge.isolation.copies import copies_for_adapter
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams, Task
from audioforge.plugins import Registry, discover
from audioforge.run.folder import RunFolder
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge.tasks import DEFAULT_TASK, speech_task
from audioforge.torch_companions import hide_broken_companions

CLIPS_AT_ONCE = 8


class LoadedModel:
    """A model that transcribes, classifies or speaks, whichever its task is; greedily.

    Args:
        adapter: The model.
        task: What it does.

    Attributes:
        adapter: The model, behind the verbs of the engine.
        task: What it does.
    """

    def __init__(self, adapter: ModelAdapter, task: Task) -> None:
        """Take the model."""
        self.adapter, self.task = adapter, task

    def __repr__(self) -> str:
        """Return what it is."""
        return f"LoadedModel({type(self.adapter).__name__}, task={self.task!r})"

    def transcribe(
        self,
        audio: Any,
        sampling_rate: int | None = None,
        *,
        language: str | None = None,
        temperature_fallback: bool = False,
    ) -> Any:
        """Return what is said in a clip, or in each of several.

        Args:
            audio: A clip: samples of shape (frames,) or (frames, channels), float from -1 to 1 or
                int16; a path; an encoded file as bytes; or a mapping with `array` and
                `sampling_rate`. A list of these is several clips.
            sampling_rate: In Hz; needed where a clip is samples.
            language: What is spoken (en, pl, …); None for what the model was loaded for, or hears.
            temperature_fallback: Draw again what repeats itself or is unlikely, as `benchmark` does
                with its setting of this name. The draw depends on the file's name, or on which of
                the clips it is.

        Returns:
            The transcript; a list of them where a list was given.

        Raises:
            UsageError: If it is no model for this.
            AudioError: If a clip cannot be used, or is longer than the model's window.
            ConfigError: If temperature fallback is not for the model.
        """
        self._check("asr", "transcribe")
        if temperature_fallback:
            check_falls_back(self.adapter)
        return self._said(audio, sampling_rate, language, fallback=temperature_fallback)

    def classify(self, audio: Any, sampling_rate: int | None = None) -> Any:
        """Return the class of a clip, or of each of several; arguments as of `transcribe`.

        Raises:
            UsageError: If it is no model for this.
            AudioError: If a clip cannot be used.
        """
        self._check("classification", "classify")
        return self._said(audio, sampling_rate)

    def speak(self, text: str) -> tuple[np.ndarray, int]:
        """Return a text spoken: float32 samples of shape (frames,), and their rate in Hz.

        Raises:
            UsageError: If it is no model for this.
        """
        self._check("tts", "speak")
        nothing = np.zeros(0, np.float32)
        clip = Clip(AudioSample("text", reference=text), nothing, self.adapter.sampling_rate)
        [said] = self._decode([clip])
        assert isinstance(said.audio, np.ndarray)
        return said.audio, said.sampling_rate or self.adapter.sampling_rate

    def _check(self, task: Task, verb: str) -> None:
        if self.task != task:
            raise UsageError(f"{self!r} cannot {verb}: it is a model for {self.task}")

    def _said(
        self,
        audio: Any,
        sampling_rate: int | None,
        language: str | None = None,
        *,
        fallback: bool = False,
    ) -> Any:
        """Return the output for a clip, or a list of them for a list of clips."""
        several = isinstance(audio, list | tuple) and not _is_number(audio)
        clips = [
            self._clip(sound, sampling_rate, language, number)
            for number, sound in enumerate(audio if several else [audio], 1)
        ]
        output = speech_task(self.task).output
        said = [
            getattr(hypothesis, output) for hypothesis in self._decode(clips, fallback=fallback)
        ]
        return said if several else said[0]

    def _clip(self, audio: Any, rate: int | None, language: str | None, number: int) -> Clip:
        try:
            sound = read_sound(audio, rate, "audio")
        except UnusableRowError as error:
            raise AudioError(f"clip {number}: {error}") from error
        is_file = isinstance(sound.audio, Path)
        sample = AudioSample(
            sound.name if is_file else f"clip {number}",
            sound.audio,
            sound.rate,
            language=language,
        )
        adapter = self.adapter
        return load_clip(
            sample,
            adapter.sampling_rate,
            max_seconds=adapter.max_seconds,
            min_seconds=adapter.min_seconds,
        )

    def _decode(self, clips: Sequence[Clip], *, fallback: bool = False) -> list[Hypothesis]:
        from audioforge.huggingface.evaluating import evaluating  # imports torch

        outputs: list[Hypothesis] = []
        greedy = SamplingParams(temperature=0.0)
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            batch = copies_for_adapter(clips[start : start + CLIPS_AT_ONCE])
            with evaluating(self.adapter.module), global_state_restored(repr(self)):
                prepared = self.adapter.prepare(batch)
                if fallback:
                    drawn = decode_with_fallback(self.adapter, prepared, greedy)
                else:
                    drawn = self.adapter.sample(prepared, 1, greedy)
            outputs += [hypotheses[0] for hypotheses in drawn]
        return outputs


def load(
    model: str | Path,
    *,
    task: Task | None = None,
    language: str | None = None,
    device: str = "auto",
    registry: Registry | None = None,
) -> LoadedModel:
    """Load a model to use.

    >>> import audioforge
    >>> from audioforge_demo import assets  # a tiny Whisper, and a clip of spoken digits
    >>> model = audioforge.load(assets.model(), device="cpu")
    >>> clip = assets.source_heldout().parent / "audio/heldout-000.ogg"
    >>> isinstance(model.transcribe(clip), str)
    True

    Args:
        model: A checkpoint's folder or hub id; of a run folder, the model that it exported, for the
            task and the language of the run.
        task: What it is to do; None for what the run or the checkpoint is for.
        language: What is spoken in all clips; None for the run's, or what the model hears.
        device: auto, cpu, cuda or mps.
        registry: The plugins to use; None to discover what is installed.

    Raises:
        AudioForgeError: If it cannot be loaded.
    """
    hide_broken_companions()
    from audioforge.inference.processes import Processes  # imports torch

    registry = registry or discover()
    checkpoint, adapter = checkpoint_of(model), None
    folder = RunFolder(Path(model).expanduser())
    if folder.has_begun:
        settings = read_config_file(folder.root / "config.yaml")
        task = task or cast("Task", settings.get("task", DEFAULT_TASK))
        language = language or settings.get("language")
        adapter = settings.get("adapter")
    if task is None:
        task = _only_task(registry, checkpoint)
    place = str(Processes(device, "float32").device)
    language = None if language == "each" else language
    loaded = load_adapter(registry, checkpoint, task, LoadOptions(place, language), adapter)
    return LoadedModel(loaded, speech_task(task).name)


def _only_task(registry: Registry, checkpoint: str) -> Task:
    """Return the task that a checkpoint is for: the usual one, where it is among several."""
    served = served_tasks(registry, read_config(checkpoint))
    if DEFAULT_TASK in served:  # an encoder of speech can also be given a classifier's head
        return DEFAULT_TASK
    if len(served) > 1:
        raise UsageError(f"{checkpoint} serves {' and '.join(sorted(served))}: name one as task=")
    return next(iter(served), DEFAULT_TASK)


def _is_number(values: Sequence[Any]) -> bool:
    """Whether a list is the samples of one clip."""
    return bool(values) and isinstance(values[0], int | float)
