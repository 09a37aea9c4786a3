"""What every model adapter must do: `audioforge.model.ModelAdapter` in rules."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import attrs
import numpy as np
import torch

from audioforge.checkpoints import find_adapter, read_config
from audioforge.errors import CheckpointError
from audioforge.model import GREEDY, LoadOptions, ModelAdapter, SamplingParams, Task, TrainOptions
from audioforge.plugins import describe, import_factory
from audioforge.plugins.registry import Plugin, Registry
from audioforge.sample import Clip, Hypothesis
from audioforge.specs import ModelSpec
from audioforge.testing.contract import Contract, ContractError, expect, rule
from audioforge.testing.examples import ModelExample

K = 4
STEPS = 30
"""Optimiser steps on one batch."""

WEIGHTS = (1.0, 0.5, 2.0)
DRAW = SamplingParams(seed=1, cycle=1, max_new_tokens=20)
GREEDY_SHORT = attrs.evolve(GREEDY, max_new_tokens=20)
"""Untrained models need not stop by themselves."""

NAMES: dict[Task, str] = {"asr": "text", "classification": "label", "tts": "audio"}
UNSAFE = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


class ModelContract(Contract):
    """The rules of a model adapter."""

    kind = "model"
    example_class = ModelExample

    @rule("Let `load` return an instance of the class, with its weights in float32.")
    def loads(self) -> None:
        """The checkpoint of its example can be loaded, with weights in float32."""
        adapter = self._adapter
        expect(isinstance(adapter, ModelAdapter), f"load returned {type(adapter).__name__}")
        odd = {p.dtype for p in adapter.module.parameters()} - {torch.float32}
        expect(not odd, f"weights are {', '.join(map(str, odd))}")
        expect(adapter.sampling_rate > 0, f"the sampling rate is {adapter.sampling_rate}")
        expect(adapter.min_seconds >= 0, f"min_seconds is {adapter.min_seconds}")
        longest = adapter.max_seconds
        expect(longest is None or longest > adapter.min_seconds, f"max_seconds is {longest}")

    @rule("Name in `serves` the model_type and architectures of the example's config.json.")
    def serves_its_checkpoint(self) -> None:
        """The adapter is chosen for its example by what config.json says."""
        spec = cast("ModelSpec", self.spec)
        tasks = {serves.task for serves in spec.serves}
        expect(
            set(self._adapter.tasks) == tasks,
            f"tasks are {self._adapter.tasks}, the specification serves {sorted(tasks)}",
        )
        alone = Plugin(self.provided.distribution, "", "")
        alone.provides["models"] = [spec]
        config = read_config(str(self._example.checkpoint))
        find_adapter(Registry([alone]), "the example", self._example.task, config)

    @rule("Return a list of k hypotheses for each clip, with the index of each.")
    def samples_k_hypotheses(self) -> None:
        """Sampling gives k hypotheses a clip, numbered from 0, of the kind of the task."""
        for own in self._sample(self._clips, K):
            expect(len(own) == K, f"{len(own)} hypotheses for k = {K}")
            for index, hypothesis in enumerate(own):
                expect(hypothesis.index == index, f"index {hypothesis.index} in place {index}")
                self._check_kind(hypothesis)

    @rule("Sum the log-probabilities at temperature 1 over the tokens, and count these.")
    def says_log_probabilities(self) -> None:
        """A hypothesis has a finite log-probability and a number of tokens, or says neither."""
        for hypothesis in [h for own in self._sample(self._clips, K) for h in own]:
            if hypothesis.logprob is None:
                continue
            expect(math.isfinite(hypothesis.logprob), f"logprob is {hypothesis.logprob}")
            discrete = hypothesis.audio is None
            expect(not discrete or hypothesis.logprob <= 1e-4, f"logprob {hypothesis.logprob} > 0")
            tokens = hypothesis.tokens
            expect(tokens is not None and tokens >= 0, f"tokens is {tokens} beside a logprob")

    @rule("Key the noise by (seed, cycle, sample id, index, step) with audioforge.keyed_random.")
    def noise_is_keyed(self) -> None:
        """The same seed draws the same; the first of k are those of a smaller k."""
        first = self._sample(self._clips, K)
        _expect_same(self._sample(self._clips, K), first, "a second draw")
        _expect_same(
            self._sample(self._clips, K - 2), [own[: K - 2] for own in first], "a smaller k"
        )

    @rule("Key the noise by seed and cycle too, not by the sample alone.")
    def seeds_differ(self) -> None:
        """Another seed, and another cycle, draw something else."""
        drawn = self._sample(self._clips, K)
        for seed, cycle in ((2, 1), (1, 2)):
            params = attrs.evolve(DRAW, seed=seed, cycle=cycle)
            pairs = _flat(self._sample(self._clips, K, params), drawn)
            differs = any(this.content != that.content for this, that in pairs)
            expect(differs, f"seed {seed}, cycle {cycle} draws what seed 1, cycle 1 did")

    @rule("Key the noise by the sample's id, and mask what pads a batch.")
    def batch_equals_single(self) -> None:
        """A clip has the same hypotheses alone, in a batch, and in another order."""
        for params, k in ((DRAW, K), (GREEDY_SHORT, 1)):
            together = self._sample(self._clips, k, params)
            alone = [self._sample([clip], k, params)[0] for clip in self._clips]
            _expect_same(alone, together, "alone")
            backwards = self._sample(self._clips[::-1], k, params)[::-1]
            _expect_same(backwards, together, "in reverse order")

    @rule("Take the most probable token at temperature 0; use no noise.")
    def greedy_is_deterministic(self) -> None:
        """Greedy decoding gives the same whatever the seed."""
        first = self._sample(self._clips, 1, GREEDY_SHORT)
        params = attrs.evolve(GREEDY_SHORT, seed=101, cycle=7)
        _expect_same(self._sample(self._clips, 1, params), first, "with another seed")

    @rule("Return the sum over utterances of weight × mean negative log-likelihood of the tokens.")
    def loss_is_a_weighted_sum(self) -> None:
        """The loss is a finite scalar, and adds up over clips and weights."""
        adapter = self._adapter
        weights = [WEIGHTS[i % len(WEIGHTS)] for i in range(len(self._clips))]
        whole = self._loss(adapter, self._clips, self._targets, weights)
        expect(whole.ndim == 0, f"the loss has the shape {tuple(whole.shape)}")
        total = float(whole.detach())
        expect(math.isfinite(total), f"the loss is {total}")
        parts = sum(
            float(self._loss(adapter, [clip], [target], [weight]).detach())
            for clip, target, weight in zip(self._clips, self._targets, weights, strict=True)
        )
        same = math.isclose(total, parts, rel_tol=1e-3, abs_tol=1e-4)
        expect(same, f"the loss of the batch is {total:.6g}, of its clips {parts:.6g}")

    @rule("Say in target_problem why a target cannot be learnt; None when it can.")
    def its_targets_can_be_learnt(self) -> None:
        """Nothing stands against learning the targets of its example."""
        for clip, target in zip(self._clips, self._targets, strict=True):
            problem = self._adapter.target_problem(clip.sample, target)
            expect(problem is None, f"target_problem says: {problem}")

    @rule("Let make_trainable choose parameters, and the loss have a gradient for them.")
    def learns(self) -> None:
        """On one batch, the loss falls under AdamW, and gradients reach what is trained."""
        adapter = self._load()
        adapter.make_trainable(TrainOptions())
        trained = [p for p in adapter.module.parameters() if p.requires_grad]
        expect(trained, "make_trainable leaves nothing to train")
        optimizer = torch.optim.AdamW(trained, lr=self._example.learning_rate)
        adapter.module.eval()  # without dropout: each step sees the same
        losses = []
        for _ in range(STEPS):
            loss = self._loss(adapter, self._clips, self._targets, [1.0] * len(self._clips))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
        reached = any(p.grad is not None and bool(p.grad.any()) for p in trained)
        expect(reached, "no gradient reaches what is trained")
        expect(losses[-1] < losses[0], f"the loss went from {losses[0]:.4g} to {losses[-1]:.4g}")

    @rule("Write config.json and safetensors, and load the same from them.")
    def survives_saving(self) -> None:
        """What is saved after training loads again, without pickle, and says the same."""
        adapter = self._load()
        adapter.make_trainable(TrainOptions())
        with torch.no_grad():
            for number, weight in enumerate(adapter.module.parameters()):
                if weight.requires_grad:
                    weight.add_(0.01 * (number % 3 - 1))
        adapter.module.eval()
        before = self._sample(self._clips, K, adapter=adapter)
        folder = self.folder / f"saved-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        adapter.save(folder)
        names = sorted(path.name for path in folder.rglob("*"))
        expect("config.json" in names, f"there is no config.json, only {', '.join(names)}")
        pickled = [n for n in names if any(n.endswith(suffix) for suffix in UNSAFE)]
        expect(not pickled, f"pickle can run code, and is not loaded: {', '.join(pickled)}")
        expect(any(n.endswith(".safetensors") for n in names), "there is no .safetensors file")
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
        _expect_same(
            self._sample(self._clips, K, adapter=self._load(str(folder))), before, "after loading"
        )
        _expect_same(
            self._sample(self._clips, K, adapter=adapter), before, "after saving, the adapter"
        )

    @rule("Raise CheckpointError, with what to do, for a folder that is no checkpoint.")
    def says_when_it_is_not_there(self) -> None:
        """A folder that is not there, and one that is empty, are a CheckpointError."""
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        for folder in (self.folder / "not-there", empty):
            try:
                self._load(str(folder))
            except CheckpointError as error:
                expect(str(error).strip(), "its message is empty")
            except Exception as error:
                raise ContractError(f"{describe(error)} instead of a CheckpointError") from error
            else:
                raise ContractError(f"{folder.name}: it was loaded")

    @property
    def _example(self) -> ModelExample:
        return cast("ModelExample", self.example)

    @property
    def _adapter(self) -> ModelAdapter:
        return cast("ModelAdapter", self.once("the loaded model", self._load))

    def _load(self, checkpoint: str | None = None) -> ModelAdapter:
        factory = cast("Any", import_factory(self.provided))
        adapter = factory.load(checkpoint or str(self._example.checkpoint), LoadOptions())
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
        return list(self._example.targets) or [_target(c, self._example.task) for c in self._clips]

    def _sample(
        self,
        clips: Sequence[Clip],
        k: int,
        params: SamplingParams = DRAW,
        adapter: ModelAdapter | None = None,
    ) -> list[list[Hypothesis]]:
        adapter = adapter or self._adapter
        with torch.inference_mode():
            drawn = adapter.sample(adapter.prepare(clips), k, params)
        expect(len(drawn) == len(clips), f"hypotheses of {len(drawn)} clips for {len(clips)}")
        return drawn

    def _loss(
        self,
        adapter: ModelAdapter,
        clips: Sequence[Clip],
        targets: Sequence[Hypothesis],
        weights: Sequence[float],
    ) -> torch.Tensor:
        return adapter.loss(adapter.prepare(clips), targets, weights)

    def _check_kind(self, hypothesis: Hypothesis) -> None:
        wanted = NAMES[self._example.task]
        there = [name for name in NAMES.values() if getattr(hypothesis, name) is not None]
        expect(there == [wanted], f"a hypothesis has {there or 'nothing'}, not {wanted}")
        if hypothesis.audio is not None:
            expect(hypothesis.sampling_rate, "generated audio has no sampling rate")


def _target(clip: Clip, task: str) -> Hypothesis:
    if task == "classification":
        return Hypothesis(label=clip.sample.labels[0])
    if task == "asr":
        return Hypothesis(text=clip.sample.reference)
    return Hypothesis(audio=clip.waveform, sampling_rate=clip.sampling_rate)


def _expect_same(
    these: Sequence[Sequence[Hypothesis]], those: Sequence[Sequence[Hypothesis]], what: str
) -> None:
    for this, that in _flat(these, those):
        expect(_same(this, that), f"{what} gives {_shown(this)} instead of {_shown(that)}")


def _flat(
    these: Sequence[Sequence[Hypothesis]], those: Sequence[Sequence[Hypothesis]]
) -> Iterator[tuple[Hypothesis, Hypothesis]]:
    for x, y in zip(these, those, strict=True):
        yield from zip(x, y, strict=True)


def _same(this: Hypothesis, that: Hypothesis) -> bool:
    if isinstance(this.audio, np.ndarray) and isinstance(that.audio, np.ndarray):
        return this.audio.shape == that.audio.shape and np.allclose(
            this.audio, that.audio, atol=1e-4
        )
    near = this.logprob is that.logprob or (
        (None not in (this.logprob, that.logprob))
        and math.isclose(cast("float", this.logprob), cast("float", that.logprob), abs_tol=1e-3)
    )
    return near and (this.text, this.label) == (that.text, that.label)


def _shown(hypothesis: Hypothesis) -> str:
    what = "sound" if hypothesis.audio is not None else repr(hypothesis.content[:80])
    return f"{what} (logprob {hypothesis.logprob})"
