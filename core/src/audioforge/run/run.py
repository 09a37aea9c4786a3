"""A run made ready: settings completed, data read, verifiers set up, nothing trained yet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

from attrs import define, field

from audioforge.config import AudioRAFTConfig
from audioforge.executor import Executor
from audioforge.files.journal import Journal
from audioforge.find_adapter import load_adapter
from audioforge.inference.augmenter import Augmenter, NamedAugmentation
from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache
from audioforge.inference.fallback import check_falls_back
from audioforge.inference.processes import Processes
from audioforge.inference.stop import StopRequest
from audioforge.judging.verification import Verification
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import Evaluator
from audioforge.model import LoadOptions, ModelAdapter, Task, TrainOptions
from audioforge.plugins import Registry
from audioforge.run.data.languages import Finding
from audioforge.run.data.run_data import RunData
from audioforge.run.data.samples import check_labels
from audioforge.run.events import Events
from audioforge.run.folder import RunFolder
from audioforge.run.rollout_store import RolloutStore
from audioforge.selection import Selection, SelectionContext
from audioforge.tasks import SpeechTask, speech_task
from audioforge.terminal.reporter import Reporter
from audioforge.tracker import Tracker

OF_THE_BASE = ("cycle-00/", "export/test-base")
"""How the stages begin that measure the untouched model."""


@define(eq=False, kw_only=True)
class Run:
    """Everything that the loop needs; `prepare` makes one.

    Attributes:
        config: The settings, completed: model, data, output folder and normaliser are set.
        registry: What is installed.
        folder: Where everything is written.
        resumes: Whether the run has begun, and goes on.
        executor: Who samples, measures and updates.
        events: Where to tell what happens; heard on the main process.
        stop: Whether somebody asked to stop.
        data: The datasets, read and not decoded.
        verification: Scores rollouts.
        evaluator: Scores models.
        selection: What a cycle learns from.
        augmentations: What changes the sound of training clips, one after the other, and only of
            these.
        language: What the model is told to transcribe; None where it is told clip by clip.
        labels: The classes of the training and the held-out data.
        base: The base model, where it is loaded already; `load` hands it over once.
        findings: What the base model heard of the language of clips that state none, by dataset.
        trackers: Who is told of it on the main process, not started yet.
        cache: Keeps what need be computed of a clip only once; closed until the run has begun.
        is_under_way: Whether nothing stood against it, so that it has begun or goes on.
    """

    config: AudioRAFTConfig
    registry: Registry
    folder: RunFolder
    resumes: bool
    executor: Executor
    events: Events
    stop: StopRequest
    data: RunData
    verification: Verification
    evaluator: Evaluator
    selection: Selection
    augmentations: Sequence[NamedAugmentation] = ()
    language: str | None = None
    labels: tuple[str, ...] = ()
    base: ModelAdapter | None = None
    findings: dict[str, Finding] = field(factory=dict)
    trackers: Sequence[tuple[str, Tracker]] = ()
    cache: ClipCache = NOTHING_KEPT
    is_under_way: bool = field(default=False, init=False)
    _resting: dict[int, frozenset[str]] = field(factory=dict, init=False)

    @property
    def task(self) -> SpeechTask:
        """What the model does."""
        return speech_task(self.config.task)

    @property
    def model_name(self) -> str:
        """The base checkpoint."""
        return cast("str", self.config.model_name)

    @property
    def processes(self) -> Processes:
        """The processes that run the loop."""
        return self.executor.processes

    @property
    def reporter(self) -> Reporter:
        """What shows how far a stage is."""
        return self.events.reporter

    @property
    def output_dir(self) -> Path:
        """The run folder, as the user named it."""
        return cast("Path", self.config.output_dir)

    @property
    def is_judged_by_reward(self) -> bool:
        """Whether the metric that decides is also what hypotheses are selected by."""
        selects = not self.selection.learns_from_references
        return selects and self.evaluator.is_judged_by_reward

    @property
    def train_options(self) -> TrainOptions:
        """Which weights are trained."""
        return train_options_of(self.config)

    def selection_context(self, threshold: float) -> SelectionContext:
        """Return what the selection is told.

        Args:
            threshold: The reward from which a hypothesis can be kept.
        """
        return SelectionContext(
            task=self.task.name,
            seed=self.config.seed,
            threshold=threshold,
            keep_top_percent=self.config.keep_top_percent,
        )

    @property
    def read_sound(self) -> list[tuple[str, EvaluationSet]]:
        """Every dataset by its role and name, and the sound that augmentations read."""
        return [
            *self.data.by_role,
            *(
                (f"augment[{index}]: {name}", EvaluationSet(name, sounds))
                for index, (name, augmentation) in enumerate(self.augmentations)
                if (sounds := list(augmentation.sounds()))
            ),
        ]

    def augmenter(self, cycle: int) -> Augmenter | None:
        """Return what changes the training clips of a cycle, counted from 1; None for nothing."""
        if not self.augmentations:
            return None
        return Augmenter(self.augmentations, self.config.seed, cycle)

    def resting(self, cycle: int) -> frozenset[str]:
        """Return the ids of the clips that a cycle leaves out: they were solved shortly before.

        The rollouts of the cycles before tell, so that a run that is resumed leaves out the same.
        """
        if cycle not in self._resting:
            before = range(max(1, cycle - self.config.skip_solved), cycle)
            stores = (RolloutStore(self.folder.root, c, 0, {}) for c in before)
            self._resting[cycle] = frozenset(chain.from_iterable(s.solved() for s in stores))
        return self._resting[cycle]

    def rollouts(self, cycle: int) -> RolloutStore:
        """Return where a cycle's rollouts are, of the clips that it samples."""
        resting = self.resting(cycle)
        samples = {s.id: s for s in self.data.train.samples if s.id not in resting}
        return RolloutStore(self.folder.root, cycle, self.processes.rank, samples)

    @property
    def shared_base(self) -> Path | None:
        """Where what is measured of the untouched model is kept for a group of runs.

        None of a run by itself, or where each has a base of its own: a new head is drawn by the
        seed, and generated speech lies in the run's own folder.
        """
        group = self.folder.group
        if group is None or self.config.new_head or self.task.generates_speech:
            return None
        return group / "base"

    def journal(self, stage: str) -> Journal:
        """Return where an evaluation keeps its results as they come.

        Args:
            stage: The evaluation, as a path below `state/`.
        """
        if self.shared_base is not None and stage.startswith(OF_THE_BASE):
            return Journal(self.shared_base, stage.rpartition("/")[2], self.processes.rank)
        return self.folder.journal(stage, self.processes.rank)

    @property
    def exports_rounded(self) -> bool:
        """Whether the exported weights are of another type than the trained ones."""
        return self.config.export_dtype != "float32"

    @property
    def updated(self) -> str | None:
        """The model whose low-rank update is exported alone, too; None where none is."""
        return self.model_name if self.config.export_adapter else None

    def load_to_train(self) -> ModelAdapter:
        """Load the base model, to be changed by this run.

        Raises:
            ConfigError: If it cannot be trained or measured as asked.
        """
        adapter = self.load(self.model_name)
        if self.config.temperature_fallback:
            check_falls_back(adapter)
        if self.config.gradient_checkpointing:
            adapter.checkpoint_gradients()
        return adapter

    def load(self, checkpoint: str) -> ModelAdapter:
        """Load a checkpoint on this process' device.

        Raises:
            DatasetError: If it is a classifier of other labels than the data have.
        """
        is_base = checkpoint == self.model_name  # what the run writes has the new head already
        if is_base and self.base is not None:
            adapter, self.base = self.base, None  # it will be changed
            return adapter
        new_labels = self.labels if self.config.new_head and is_base else None
        device = str(self.processes.device)
        options = LoadOptions(device, self.language, new_labels, self.config.seed)
        task = cast("Task", self.config.task)
        adapter = load_adapter(self.registry, checkpoint, task, options, self.config.adapter)
        check_labels(adapter.labels, checkpoint, self.data.all)
        return adapter


def train_options_of(config: AudioRAFTConfig) -> TrainOptions:
    """Return which weights settings train."""
    return TrainOptions(
        trainable=cast("Any", config.trainable),
        lora_rank=config.lora_rank,
        lora_alpha=config.lora_alpha,
    )
