"""A run made ready: settings completed, data read, verifiers set up, nothing trained yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import attrs
from attrs import define

from audioforge.config import AudioRAFTConfig, BenchmarkConfig
from audioforge.errors import ConfigError
from audioforge.find_adapter import choose_adapter, load_adapter
from audioforge.inference.processes import Processes
from audioforge.judging.guard import Guard
from audioforge.judging.verification import Verification, verifier_context
from audioforge.measuring.evaluator import Evaluator
from audioforge.model import LoadOptions, ModelAdapter, Task, TrainOptions
from audioforge.optional_imports import hide_broken_companions
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry, discover
from audioforge.run.check_names import check_names
from audioforge.run.claim import Claim
from audioforge.run.data.read import RunData, read_run_data
from audioforge.run.data.samples import (
    check_labels,
    labels_of,
    normalizer_for,
)
from audioforge.run.data.spool import Spool
from audioforge.run.folder import require_new
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter

OUTPUT_DIR = Path("runs/audio_raft")


@define(eq=False)
class Run:
    """Everything that the loop needs.

    Attributes:
        config: Completed: model, data, output folder and normaliser are set.
        registry: Of the installed plugins.
        processes: Of the run.
        reporter: Silent but on the main process.
        data: Read, not decoded.
        verification: Scores rollouts.
        evaluator: Scores models.
    """

    config: AudioRAFTConfig
    registry: Registry
    processes: Processes
    reporter: Reporter
    data: RunData
    verification: Verification
    evaluator: Evaluator

    @property
    def task(self) -> Task:
        """What the model does."""
        return cast("Task", self.config.task)

    @property
    def model_name(self) -> str:
        """The base checkpoint."""
        return cast("str", self.config.model_name)

    @property
    def output_dir(self) -> Path:
        """The run folder."""
        return cast("Path", self.config.output_dir)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the training and the held-out data."""
        return labels_of([*self.data.train.samples, *self.data.held_out.samples])

    @property
    def train_options(self) -> TrainOptions:
        """Which weights are trained."""
        return TrainOptions(
            trainable=cast("Any", self.config.trainable),
            lora_rank=self.config.lora_rank,
            lora_alpha=self.config.lora_alpha,
        )

    def load(self, checkpoint: str) -> ModelAdapter:
        """Load a checkpoint on this process' device.

        Raises:
            DatasetError: If it is a classifier of other labels than the data have.
        """
        is_base = checkpoint == self.model_name  # what the run writes has the new head already
        new_labels = self.labels if self.config.new_head and is_base else None
        device = str(self.processes.device)
        options = LoadOptions(device, self.config.language, new_labels, self.config.seed)
        adapter = load_adapter(self.registry, checkpoint, self.task, options, self.config.adapter)
        check_labels(adapter.labels, checkpoint, self.data.all)
        return adapter


def prepare(
    config: AudioRAFTConfig,
    registry: Registry | None = None,
    reporter: Reporter | None = None,
    *,
    resumes: bool = False,
    claim: Claim | None = None,
) -> Run:
    """Make a run ready.

    Args:
        config: As the user gave it.
        registry: Of the plugins to use; None to discover what is installed.
        reporter: Where to tell how it goes; None for stderr.
        resumes: Whether the run folder is there already.
        claim: Taken before anything is read; sound that comes without a file goes to its folder.
            None to write nothing, and hold such sound in memory.

    Raises:
        AudioForgeError: If settings, plugins, the checkpoint or data do not allow the run.
    """
    hide_broken_companions()
    config = _completed(config)
    registry = registry or discover()
    check_names(registry, config)
    processes = Processes(config.device, config.dtype)
    if not processes.is_main:
        reporter = Reporter(quiet=True, warnings=False)
    reporter = reporter or Reporter()
    task = cast("Task", config.task)
    if config.adapter is None:  # fail before an hour of reading data
        choose_adapter(registry, cast("str", config.model_name), task)
    if claim is not None:
        claim.take(processes)
    elif not resumes and processes.is_main:
        require_new(cast("Path", config.output_dir))
    spool = Spool(claim.folder.clips) if claim is not None else None
    # One process reads: a stream is paid for once, and sound has one writer.
    data = processes.from_main(lambda: read_run_data(registry, config, reporter, spool))
    samples = [*data.train.samples, *data.held_out.samples]
    config.normalizer = normalizer_for(config.normalizer, config.language, samples, task)
    verification, evaluator = create_judges(registry, config, samples, processes, reporter)
    return Run(config, registry, processes, reporter, data, verification, evaluator)


def create_judges(
    registry: Registry,
    config: BenchmarkConfig,
    samples: Sequence[AudioSample],
    processes: Processes,
    reporter: Reporter,
) -> tuple[Verification, Evaluator]:
    """Set up what scores rollouts and what evaluates models.

    Args:
        registry: Of the plugins to use.
        config: With its normaliser set.
        samples: Their labels are the known ones.
        processes: Share the work.
        reporter: Shows progress.

    Raises:
        AudioForgeError: If a verifier or the aggregator cannot be set up.
    """
    context = verifier_context(
        registry,
        cast("Task", config.task),
        cast("str", config.normalizer),
        config.wer_threshold,
        str(processes.device),
        labels_of(samples),
    )
    guard = Guard(config.verifier_timeout, config.max_verifier_failures, reporter)
    verification = Verification(registry, config.verifiers, config.aggregator, context, guard)
    evaluator = Evaluator(
        registry,
        context,
        verification,
        processes,
        batch_size=config.batch_size,
        max_new_tokens=config.max_new_tokens,
        reporter=reporter,
    )
    return verification, evaluator


def describe(run: Run) -> list[str]:
    """Return what a run would do, a line each."""
    config, data = run.config, run.data
    retention = ", ".join(f"{r.name} ({len(r.samples)})" for r in data.retention) or "none"
    verifiers = ", ".join(f"{i} × {weight:g}" for i, weight in run.verification.weights.items())
    required = ", ".join(run.verification.required)
    return [
        f"model: {config.model_name}, {config.trainable}",
        f"train: {data.train.name} ({len(data.train.samples)} samples)",
        f"held out: {data.held_out.name} ({len(data.held_out.samples)} samples)",
        *([f"split: {data.split}"] if data.split else []),
        f"retention: {retention}",
        f"test: {f'{data.test.name} ({len(data.test.samples)} samples)' if data.test else 'none'}",
        f"reward: {read_plugin_reference(config.aggregator)[0]} of {verifiers}"
        + (f"; required to pass: {required}" if required else ""),
        f"normaliser: {config.normalizer}",
        f"cycles: {config.num_cycles}, {config.samples_per_prompt} hypotheses per clip, "
        f"selection {read_plugin_reference(config.selection)[0]}, reward from "
        f"{config.effective_reward_threshold:g}",
        f"output: {config.output_dir}",
    ]


def _completed(config: AudioRAFTConfig) -> AudioRAFTConfig:
    """Return the settings with what every run must have."""
    needed = {
        "model_name": "--model takes a hub id or a local folder",
        "dataset": "--dataset takes a name, a path, or a hub id",
    }
    missing = [
        f"{key}: must be set; {what}" for key, what in needed.items() if not getattr(config, key)
    ]
    if missing:
        raise ConfigError(missing)
    return attrs.evolve(config, output_dir=config.output_dir or OUTPUT_DIR)
