"""From settings to a run that is ready, with everything checked that can fail early."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import cast

import attrs

from audioforge.config import AudioRAFTConfig, BenchmarkConfig, RewardSettings, Schedule, shown
from audioforge.errors import AudioForgeError, ConfigError
from audioforge.executor import Executor
from audioforge.find_adapter import choose_adapter
from audioforge.huggingface.export_dtype import settled_dtype
from audioforge.inference.clip_cache import ClipCache
from audioforge.inference.guarded_executor import GuardedExecutor
from audioforge.inference.stop import StopRequest
from audioforge.isolation.copies import LentSamples
from audioforge.judging.guard import Guard
from audioforge.judging.verification import (
    Verification,
    verifier_context,
)
from audioforge.measuring.deciding_metric import decide_by
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import Evaluator, create_evaluator
from audioforge.model import Task
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry, discover
from audioforge.run.augmentations import create_augmentations
from audioforge.run.check_settings import check_settings
from audioforge.run.data.emptied import leave_out_emptied
from audioforge.run.data.run_data import RunData, read_run_data
from audioforge.run.data.samples import labels_of, length_limit_for, normalizer_for
from audioforge.run.data.spool import Spool
from audioforge.run.events import Events
from audioforge.run.folder import RunFolder
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.new_folder import require_new
from audioforge.run.outline import outline_of
from audioforge.run.report_file import ReportFile
from audioforge.run.run import Run
from audioforge.run.run_files import RunFiles
from audioforge.run.spoken_languages import settle
from audioforge.run.terminal import Terminal
from audioforge.run.trackers import create_trackers
from audioforge.sample import AudioSample
from audioforge.selection import Selection
from audioforge.specs import ModelSpec
from audioforge.terminal.reporter import Reporter
from audioforge.torch_companions import hide_broken_companions

OUTPUT_DIR = Path("runs/audio_raft")


def prepare(
    config: AudioRAFTConfig,
    registry: Registry | None = None,
    reporter: Reporter | None = None,
    *,
    resumes: bool = False,
    claim: FolderClaim | None = None,
) -> Run:
    """Make a run ready.

    Args:
        config: The settings as the user gave them.
        registry: The plugins to use; None to discover what is installed.
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
    check_settings(registry, config)
    augmentations = create_augmentations(registry, config)
    executor, stop = create_executor(registry, config), StopRequest()
    with ExitStack() as on_failure:
        on_failure.callback(_close_after_failure, executor)
        processes = executor.processes
        if not processes.is_main:
            reporter = Reporter(quiet=True, warnings=False)
        reporter = reporter or Reporter()
        model = _model_spec(registry, config)  # fail before an hour of reading data
        config.temperature = config.temperature or model.temperature
        config.export_dtype = settled_dtype(config.export_dtype, cast("str", config.model_name))
        folder = RunFolder(cast("Path", config.output_dir))
        if claim is not None:
            claim.take(processes)
        elif not resumes and processes.is_main:
            require_new(cast("Path", config.output_dir))
        selection = create_selection(registry, config)
        trackers = create_trackers(registry, config) if processes.is_main else []
        # One process reads: a stream is paid for once, and sound has one writer.
        spool = Spool(folder.clips) if claim is not None else None
        data = processes.from_main(
            lambda: read_run_data(registry, config, selection, reporter, spool)
        )
        # Languages next: prompts, normaliser and results go by them.
        known = folder.recall_findings() if resumes else None
        settled = settle(registry, config, data.by_dataset, executor, reporter, known)
        data.languages = settled.languages
        samples = [*data.train.samples, *data.held_out.samples]
        asked = config.common_language
        config.normalizer = normalizer_for(config.normalizer, asked, samples, config.task)
        heard = [sample for dataset in data.all for sample in dataset.samples]
        config.max_tokens_per_second = length_limit_for(
            config.max_tokens_per_second, heard, config.task
        )
        # Verifiers last: what they load takes the longest.
        with reporter.doing("set up what scores"):
            labels = labels_of(samples)
            verification = create_verification(
                registry, config, samples, labels, executor, reporter
            )
        cache = ClipCache(folder.cache)
        decoding = Decoding.of(config, cache)
        evaluator = create_evaluator(registry, verification, decoding, executor, stop, reporter)
        evaluator.outline = outline_of(registry, config, settled.common, verification.context)
        config.metric = decide_by(evaluator, config.metric, data.held_out.samples)
        leave_out_emptied(_scored_by_reference(data, evaluator, selection), evaluator, reporter)
        files = [RunFiles(folder)] if processes.is_main else []
        pages = [ReportFile(folder.root, reporter)] if processes.is_main else []
        on_failure.pop_all()
        return Run(
            config=config,
            registry=registry,
            folder=folder,
            resumes=resumes,
            executor=executor,
            events=Events(reporter, [*files, Terminal(reporter), *pages]),
            stop=stop,
            data=data,
            verification=verification,
            evaluator=evaluator,
            selection=selection,
            augmentations=augmentations,
            language=settled.common,
            labels=labels,
            # What it is told is saved with it, so that it must be loaded with that.
            base=settled.adapter if settled.common == config.common_language else None,
            findings=settled.findings,
            trackers=trackers,
            cache=cache,
        )


def _scored_by_reference(
    data: RunData, evaluator: Evaluator, selection: Selection
) -> list[EvaluationSet]:
    """Return the datasets of which a clip is of no use where nothing can be scored against it."""
    verification = evaluator.verification
    rewarding = [v for i, v in verification.verifiers.items() if verification.has_part(i)]
    learnt = all(v.needs_reference for v in rewarding) and not selection.learns_from_references
    measured = data.all[1:] if evaluator.needs.reference else []
    return [*([data.train] if learnt else []), *measured]


def create_executor(registry: Registry, config: BenchmarkConfig) -> Executor:
    """Create the executor, and join its processes; the precision of the configuration is settled.

    Raises:
        AudioForgeError: If it is unknown, or cannot run here.
    """
    name, options = read_plugin_reference(config.executor)
    created = cast("Executor", registry.create("executors", name, **options))
    executor = GuardedExecutor(name, created)
    try:
        executor.join(config.device, config.dtype)
    except BaseException:
        _close_after_failure(executor)
        raise
    config.dtype = executor.processes.dtype
    return executor


@contextmanager
def closing_executor(executor: Executor, reporter: Reporter) -> Iterator[None]:
    """Close an executor at the end; that this fails costs nothing by then, and hides no error."""
    try:
        yield
    finally:
        try:
            executor.close()
        except (AudioForgeError, OSError) as error:
            reporter.warn(str(error))


def _close_after_failure(executor: Executor) -> None:
    """Close an executor where something failed before: that is what is told."""
    with suppress(AudioForgeError, OSError):
        executor.close()


def _model_spec(registry: Registry, config: AudioRAFTConfig) -> ModelSpec:
    """Return what the adapter of the checkpoint says of itself."""
    if config.adapter is not None:
        return cast("ModelSpec", registry.find("models", config.adapter).spec)
    model, task = cast("str", config.model_name), cast("Task", config.task)
    return cast("ModelSpec", choose_adapter(registry, model, task).spec)


def create_selection(registry: Registry, config: AudioRAFTConfig) -> Selection:
    """Create the selection.

    Raises:
        AudioForgeError: If it is unknown or cannot be created.
    """
    name, options = read_plugin_reference(config.selection)
    return cast("Selection", registry.create("selections", name, **options))


def create_verification(
    registry: Registry,
    config: RewardSettings,
    samples: Iterable[AudioSample],
    labels: tuple[str, ...],
    executor: Executor,
    reporter: Reporter,
) -> Verification:
    """Set up what scores hypotheses.

    Args:
        registry: What is installed.
        config: The settings, with the normaliser set.
        samples: What verifiers may learn from.
        labels: Their classes.
        executor: Says which device a verifier's model may use.
        reporter: Hears that there can be no time limit.

    Raises:
        AudioForgeError: If a verifier or the aggregator cannot be set up.
    """
    context = verifier_context(
        registry,
        cast("Task", config.task),
        cast("str", config.normalizer),
        config.wer_threshold,
        str(executor.processes.device),
        labels,
    )
    context = attrs.evolve(context, corpus=LentSamples(samples))
    guard = Guard(config.verifier_timeout, config.max_verifier_failures, reporter)
    return Verification(registry, config.verifiers, config.reward_aggregator, context, guard)


def plan_of(run: Run) -> list[str]:
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
        *map(str, data.languages),
        f"retention: {retention}",
        f"test: {f'{data.test.name} ({len(data.test.samples)} samples)' if data.test else 'none'}",
        f"reward: {read_plugin_reference(config.reward_aggregator)[0]} of {verifiers}"
        + (f"; required to pass: {required}" if required else ""),
        f"metric that decides: {config.metric}"
        + (", which is also rewarded" if run.is_judged_by_reward else ""),
        f"normaliser: {config.normalizer}",
        f"decoding: {run.evaluator.decoding.name}",
        *(
            [f"length limit: {config.max_tokens_per_second:g} tokens for each second of a clip"]
            if config.max_tokens_per_second
            else []
        ),
        *(
            [f"augmented: training clips, by {', '.join(name for name, _ in run.augmentations)}"]
            if run.augmentations
            else []
        ),
        f"cycles: {config.num_cycles}, {config.samples_per_prompt} hypotheses per clip at "
        f"temperature {shown(cast('Schedule', config.temperature))}, "
        f"selection {read_plugin_reference(config.selection)[0]}, reward from "
        f"{shown(config.effective_reward_threshold)}",
        *([f"exported as: {config.export_dtype}"] if run.exports_rounded else []),
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
