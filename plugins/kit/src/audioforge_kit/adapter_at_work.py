"""A model adapter at work: what the rules of `model_contract` have it do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

import numpy as np
import torch

from audioforge.errors import ConfigError
from audioforge.isolation.copies import copies_for_adapter
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams, Task, TrainOptions
from audioforge.plugins import import_factory
from audioforge.sample import Clip, Hypothesis
from audioforge.specs import ModelSpec
from audioforge.tasks import OUTPUTS, SpeechTask, speech_task
from audioforge_kit.contract import Contract, expect
from audioforge_kit.examples import ModelExample

Trainable = Literal["default", "full", "frozen-encoder", "lora"]
TRAINABLE: tuple[Trainable, ...] = ("default", "full", "frozen-encoder", "lora")
DRAW = SamplingParams(seed=1, cycle=1, max_new_tokens=20)


class AdapterAtWork(Contract):
    """Loads the adapter of an example, prepares its clips as the engine does, draws and learns."""

    kind = "model"
    example_class = ModelExample

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it serves."""
        return tuple({serves.task for serves in cast("ModelSpec", self.spec).serves})

    @property
    def _example(self) -> ModelExample:
        return cast("ModelExample", self.example)

    @property
    def _task(self) -> SpeechTask:
        return speech_task(self._example.task)

    @property
    def _adapter(self) -> ModelAdapter:
        return cast("ModelAdapter", self.once("the loaded model", self._load))

    def _load(
        self, checkpoint: str | None = None, options: LoadOptions | None = None
    ) -> ModelAdapter:
        factory = cast("Any", import_factory(self.provided))
        folder = checkpoint or str(self._example.checkpoint)
        adapter = factory.load(folder, options or LoadOptions())
        if isinstance(adapter, ModelAdapter):
            adapter.module.eval()
        return cast("ModelAdapter", adapter)

    @property
    def _clips(self) -> list[Clip]:
        clips = list(self._example.clips)
        expect(len(clips) > 1, "its example needs at least two clips")
        return clips

    @property
    def _targets(self) -> list[Hypothesis]:
        if self._example.targets:
            return list(self._example.targets)
        quoted = [self._task.quoted(clip) for clip in self._clips]
        targets = [target for target in quoted if target is not None]
        expect(len(targets) == len(quoted), "a clip of its example has no sound: give it targets")
        return targets

    def _sample(
        self,
        clips: Sequence[Clip],
        k: int,
        params: SamplingParams = DRAW,
        adapter: ModelAdapter | None = None,
    ) -> list[list[Hypothesis]]:
        adapter = adapter or self._adapter
        with torch.inference_mode():
            drawn = adapter.sample(adapter.prepare(copies_for_adapter(clips)), k, params)
        expect(len(drawn) == len(clips), f"hypotheses of {len(drawn)} clips for {len(clips)}")
        return drawn

    def _hear(self, clips: Sequence[Clip]) -> torch.Tensor:
        with torch.inference_mode():
            return self._adapter.language_logprobs(self._adapter.prepare(copies_for_adapter(clips)))

    def _loss(
        self,
        adapter: ModelAdapter,
        clips: Sequence[Clip],
        targets: Sequence[Hypothesis],
        weights: Sequence[float],
    ) -> torch.Tensor:
        return adapter.loss(adapter.prepare(copies_for_adapter(clips)), targets, weights)

    def _check_kind(self, hypothesis: Hypothesis) -> None:
        wanted = self._task.output
        there = [name for name in OUTPUTS if getattr(hypothesis, name) is not None]
        expect(there == [wanted], f"a hypothesis has {there or 'nothing'}, not {wanted}")
        sound = hypothesis.audio
        if isinstance(sound, np.ndarray):
            shape = f"audio is {sound.dtype} of shape {sound.shape}, not float32 of (frames,)"
            expect(sound.dtype == np.float32 and sound.ndim == 1, shape)
            expect(np.isfinite(sound).all(), "audio holds NaN or infinities")
            rate = hypothesis.sampling_rate
            expect(isinstance(rate, int) and rate > 0, f"the sampling rate of audio is {rate!r}")

    def _trainable(
        self,
    ) -> Iterator[tuple[Trainable, ModelAdapter, list[torch.nn.Parameter]]]:
        """Yield a fresh adapter for each choice of weights that it has, with these weights."""
        for trainable in TRAINABLE:
            adapter = self._load()
            try:
                adapter.make_trainable(TrainOptions(trainable))
            except ConfigError:
                expect(trainable != "default", "it cannot be trained by default")
                continue
            trained = trained_weights(adapter)
            expect(trained, f"trainable={trainable} leaves nothing to train")
            yield trainable, adapter, trained


def trained_weights(adapter: ModelAdapter) -> list[torch.nn.Parameter]:
    """Return the weights that the engine trains."""
    return [p for p in adapter.module.parameters() if p.requires_grad]
