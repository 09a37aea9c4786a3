"""The update: a step of AudioForge's own, engine and all, and a plain step after it.

The plain step is taken by a listener of the update, between two of its steps, so that both take
turns in one process on the same clips and texts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from attrs import evolve, frozen

from audioforge import AudioRAFTConfig
from audioforge.audio import load_clip
from audioforge.raft.update import update
from audioforge.run.begin import begin
from audioforge.run.disk_space import disk_space
from audioforge.run.events import Listener, Step
from audioforge.run.folder import RunFolder
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.kept_clips import open_cache
from audioforge.run.prepare import closing_executor, prepare
from audioforge.run.resume_points import Progress
from audioforge.run.run import Run
from audioforge.sample import AudioSample, Hypothesis
from audioforge.selection import Kept, Selected
from audioforge.terminal.reporter import Reporter
from performance import floor
from performance.machine import lacks_bf16
from performance.material import RATE, architecture_of, write_manifest, write_noise
from performance.plain_step import PlainTraining, features_and_labels
from performance.subjects import Measurement, Scope
from performance.timing import Clock, Figures, alternate

TEXT = "thirty-two bytes for each target"
"""An untrained tokenizer knows bytes: 32 tokens, as many as a hypothesis of the rollout has."""
PROMPT = 2
"""Tokens before the text of an English-only checkpoint."""
KINDS = ("full", "frozen-encoder", "lora")


@frozen
class Case:
    """Steps on clips of 30 s.

    Attributes:
        size: Of the Whisper.
        batch: Clips of a step.
        trainable: What is trained.
    """

    size: str
    batch: int
    trainable: str


CASES = (*(Case("tiny.en", 8, kind) for kind in KINDS), Case("base.en", 4, "full"))
QUICK_CASES = tuple(Case("nano", 2, kind) for kind in KINDS)


def updates(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of the update."""
    for case in QUICK_CASES if scope.quick else CASES:
        name = f"{case.size}, {case.trainable}, batch {case.batch}"
        yield Measurement("update", name, partial(_untrained, scope, case))
    if scope.real is not None:
        for kind in KINDS:
            name = f"{scope.real.model.name}, {kind}, its recordings, batch 8"
            yield Measurement("update", name, partial(_trained, scope, kind))


def _untrained(scope: Scope, case: Case) -> Figures:
    folder, seconds = scope.new_folder("update"), 3 if scope.quick else 30
    manifests = write_noise(folder, case.batch, seconds, TEXT)
    checkpoint = scope.checkpoints.whisper(case.size)
    shape = architecture_of(checkpoint)
    probes = list(floor.probes(shape, case.batch, bf16=lacks_bf16() is None))
    products = alternate([probe.contestant for probe in probes], scope.rounds)
    rates = floor.rates_of(probes, products)
    figures = _measure(scope, checkpoint, case.trainable, manifests)
    operations = case.batch * floor.update_operations(shape, PROMPT + len(TEXT), case.trainable)
    return evolve(
        figures,
        values={**figures.values, "floor": [operations / floor.fastest_float32(rates)]},
        details={"gigaflop a step": operations / 1e9, "gigaflops": floor.gigaflops(rates)},
    )


def _trained(scope: Scope, trainable: str) -> Figures:
    assert scope.real is not None
    folder, batch = scope.new_folder("update"), 2 if scope.quick else 8
    lines = scope.real.lines(2 * batch)
    manifests = [folder / "train.jsonl", folder / "heldout.jsonl"]
    folder.mkdir()
    for manifest, part in zip(manifests, (lines[:batch], lines[batch:]), strict=True):
        write_manifest(manifest, part)
    return _measure(scope, scope.real.model, trainable, manifests)


def _measure(scope: Scope, checkpoint: Path, trainable: str, manifests: Sequence[Path]) -> Figures:
    values, missing = {}, {}
    for dtype in ("float32", "bfloat16"):
        if dtype == "bfloat16" and (problem := lacks_bf16()):
            missing["AudioForge bfloat16"] = problem
            continue
        steps = Steps(checkpoint=checkpoint, trainable=trainable, dtype=dtype, rounds=scope.rounds)
        own, plain = steps.take(manifests, scope.new_folder("run"))
        values[f"AudioForge {dtype}"] = own
        values.setdefault("Transformers", plain)
    return Figures(unit="CPU s a step", values=values, missing=missing)


@frozen(kw_only=True)
class Steps:
    """Steps of both, in turns.

    Attributes:
        checkpoint: Folder of a Whisper.
        trainable: What is trained.
        dtype: Precision of AudioForge's.
        rounds: Steps of each that count; one before them warms up and fills caches.
        device: "cpu" or "cuda".
        plain_dtype: Precision of the plain steps.
        clock: Read before and after each step.
    """

    checkpoint: Path
    trainable: str
    dtype: str
    rounds: int
    device: str = "cpu"
    plain_dtype: str = "float32"
    clock: Clock = time.process_time

    def take(
        self, manifests: Sequence[Path], output: Path
    ) -> tuple[Sequence[float], Sequence[float]]:
        """Take the steps.

        Args:
            manifests: What is learnt, all in each step, and a held-out set, which is not measured.
            output: Where a run folder can be.

        Returns:
            The seconds of AudioForge's steps, and of the plain ones.
        """
        config = AudioRAFTConfig(
            model_name=str(self.checkpoint),
            dataset=str(manifests[0]),
            eval_dataset=str(manifests[1]),
            output_dir=output,
            device=self.device,
            dtype=self.dtype,
            trainable=self.trainable,
            steps_per_cycle=self.rounds + 1,
            batch_size=sum(1 for _ in manifests[0].open()),
            normalizer="none",
        )
        claim = FolderClaim(RunFolder(output), resumes=False)
        try:
            run = prepare(config, reporter=Reporter(quiet=True, warnings=False), claim=claim)
            turns = _Turns(self, run.data.train.samples)
            run.events.listeners.append(turns)
            with closing_executor(run.executor, run.reporter):
                _learn(run, turns)
        finally:
            claim.release()
        return turns.own[1:], turns.plain[1:]


def _learn(run: Run, turns: _Turns) -> None:
    """Run the update of a cycle that keeps every clip's reference."""
    adapter = run.load(run.model_name)
    space = disk_space(run, adapter)
    begin(run, adapter.module, accept_changes=False)
    adapter.make_trainable(run.train_options)
    open_cache(run, adapter, space, fresh=False)
    samples = run.data.train.samples
    kept = [Kept(sample, Hypothesis(text=sample.reference)) for sample in samples]
    turns.begin()
    update(run, adapter, Selected(kept), Progress(1))


class _Turns(Listener):
    """Takes a plain step whenever the update has taken one, and times both.

    Args:
        steps: What is measured.
        samples: What is learnt.
    """

    def __init__(self, steps: Steps, samples: Sequence[AudioSample]) -> None:
        """Load the plain model."""
        self._clock = steps.clock
        self._training = PlainTraining(
            steps.checkpoint, steps.trainable, steps.device, steps.plain_dtype
        )
        self._features, self._labels = features_and_labels(
            steps.checkpoint,
            [load_clip(sample, RATE).waveform for sample in samples],
            [sample.reference or "" for sample in samples],
        )
        self.own: list[float] = []
        self.plain: list[float] = []

    def begin(self) -> None:
        """Start the clock."""
        self._started = self._clock()

    def stepped(self, step: Step) -> None:
        """Take the plain turn."""
        done = self._clock()
        self.own.append(done - self._started)
        with torch.enable_grad():
            self._training.step(self._features, self._labels)
        self._started = self._clock()
        self.plain.append(self._started - done)
