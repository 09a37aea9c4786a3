"""Measuring an exported model with its own engine, beside the checkpoint that it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import attrs
from attrs import frozen

from audioforge.audio import load_clip
from audioforge.config import AudioRAFTConfig, BenchmarkConfig
from audioforge.errors import AudioForgeError, PluginError, describe
from audioforge.executor import Executor
from audioforge.exporter import Transcribe
from audioforge.find_adapter import load_adapter, read_config, served_tasks
from audioforge.isolation.copies import copies_for_adapter
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.measuring.dataset_pass import DatasetPass
from audioforge.measuring.deciding_metric import deciding_needs
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import Evaluation, EvaluationSet
from audioforge.measuring.evaluator import Evaluator
from audioforge.model import LoadOptions, ModelAdapter, Task
from audioforge.plugins import Registry
from audioforge.run.data.run_data import data_request
from audioforge.run.data.samples import Wanted, load_samples
from audioforge.run.folder import RunFolder
from audioforge.run.measurement import prepare_measurement
from audioforge.run.parent import settings_from_here
from audioforge.run.prepare import closing_executor, create_executor, prepare
from audioforge.run.same_clips import (
    Lines,
    NothingToMeasureError,
    keep_measured,
    lines_of_base,
    require_unchanged,
)
from audioforge.sample import Hypothesis
from audioforge.tasks import DEFAULT_TASK, speech_task
from audioforge.terminal.reporter import Reporter

AS_ENGINES = {
    "max_tokens_per_second": 0.0,
    "max_new_tokens": None,
    "temperature_fallback": False,
}
"""A run may end transcripts early or draw them again; engines do not, and both are to be alike."""


@frozen(kw_only=True)
class MeasureOn:
    """What an exported model is measured on.

    Attributes:
        dataset: The data; None for the clips that the run held out.
        limit: Of these the first so many; None for all.
        settings: Those of `audioforge benchmark` that say how the dataset is read.
    """

    dataset: str | None = None
    limit: int | None = None
    settings: Mapping[str, Any] = attrs.field(factory=dict)


@frozen(kw_only=True)
class Measured:
    """How an export does beside its checkpoint, on the same clips, both decoded greedily.

    Attributes:
        dataset: What was measured on.
        metric: Name of the corpus metric.
        normalizer: Name of the text normaliser, where there is one.
        clips: How many clips were measured.
        checkpoint: The metric of the checkpoint.
        export: The metric of the export.
        difference_ci95: 95 % interval of export minus checkpoint.
        different: Of how many clips the two say something different, before it is normalised.
        examples: The first of these clips: id, what the checkpoint says, and what the export says.
        compute_type: What the engine computed in; None where it does not say.
    """

    dataset: str
    metric: str
    normalizer: str | None
    clips: int
    checkpoint: float | None
    export: float | None
    difference_ci95: tuple[float, float]
    different: int
    examples: list[dict[str, str]]
    compute_type: str | None = None


MOST_EXAMPLES = 20


@frozen(eq=False)
class _Held:
    """Clips, the model as a checkpoint, what measures, and what the run wrote of the clips."""

    dataset: EvaluationSet
    adapter: ModelAdapter
    evaluator: Evaluator
    batch_size: int
    lines: Lines | None = None


def measure_export(
    registry: Registry,
    source: str,
    checkpoint: Path,
    transcribe: Transcribe,
    wanted: MeasureOn,
    reporter: Reporter,
) -> Measured:
    """Measure what an engine makes of the held-out clips, and what the checkpoint does.

    Args:
        registry: What is installed.
        source: What was exported: a run folder, or what `checkpoint` was found by.
        checkpoint: The folder of the checkpoint.
        transcribe: The engine.
        wanted: What to measure on.
        reporter: Where to tell how it goes.

    Raises:
        NothingToMeasureError: If there are no clips, or they are not those that the run held out.
        PluginError: If the engine fails.
        AudioForgeError: If the dataset that was asked for cannot be used.
    """
    folder = RunFolder(Path(source).expanduser())
    of_run = folder.has_begun and wanted.dataset is None
    if not of_run and wanted.dataset is None:
        raise NothingToMeasureError("a checkpoint holds no clips out: name some by --dataset")
    with _held(registry, folder if of_run else None, checkpoint, wanted, reporter) as held:
        before = held.evaluator.evaluate(held.adapter, DatasetPass(dataset=held.dataset))
        if held.lines is not None:
            require_unchanged(held.dataset, before, held.lines)
        after = _evaluate(held, before, transcribe)
    return _compared(before, after)


def check_dataset(registry: Registry, checkpoint: Path, wanted: MeasureOn) -> None:
    """Read the dataset that was asked for, since exporting takes its time.

    Args:
        registry: What is installed.
        checkpoint: The folder of the checkpoint.
        wanted: What to measure on.

    Raises:
        AudioForgeError: If it cannot be used.
    """
    if wanted.dataset is None:
        return
    config = BenchmarkConfig.from_mapping(_settings(registry, checkpoint, wanted))
    needs = [deciding_needs(registry, config)]
    task = speech_task(config.task)
    of_use = Wanted(task=task, needs=needs, on_error=config.on_error, limit=config.limit)
    load_samples(registry, wanted.dataset, data_request(config), of_use)


@contextmanager
def _held(
    registry: Registry,
    run: RunFolder | None,
    checkpoint: Path,
    wanted: MeasureOn,
    reporter: Reporter,
) -> Iterator[_Held]:
    """Make ready what measures, for as long as it is needed."""
    if run is None:
        config = BenchmarkConfig.from_mapping(_settings(registry, checkpoint, wanted))
        executor = create_executor(registry, config)
        with closing_executor(executor, reporter):
            made = prepare_measurement(registry, config, executor, reporter)
            yield _Held(made.dataset, made.adapter, made.evaluator, config.batch_size)
        return
    lines = lines_of_base(run)
    try:
        executor, held = _of_run(registry, run, checkpoint)
    except AudioForgeError as error:
        raise NothingToMeasureError(
            f"the clips that the run held out cannot be had ({error}); name others by --dataset"
        ) from error
    with closing_executor(executor, reporter):
        keep_measured(held.dataset, lines)
        held.dataset.samples = held.dataset.samples[: wanted.limit]
        yield attrs.evolve(held, lines=lines)


def _settings(registry: Registry, checkpoint: Path, wanted: MeasureOn) -> dict[str, Any]:
    """Return the settings to measure a checkpoint on a dataset."""
    tasks = served_tasks(registry, read_config(str(checkpoint)))
    task = DEFAULT_TASK if DEFAULT_TASK in tasks or not tasks else min(tasks)
    named = {"model_name": str(checkpoint), "dataset": wanted.dataset, "limit": wanted.limit}
    return {"task": task, **named, **AS_ENGINES, **wanted.settings}


def _of_run(registry: Registry, folder: RunFolder, checkpoint: Path) -> tuple[Executor, _Held]:
    """Return the held-out clips of a run, and what measured them, for the model it exported."""
    alone: dict[str, object] = {
        "parent": None,
        "retention_dataset": [],
        "test_dataset": None,
        "log_with": [],
    }
    settings = {**settings_from_here(folder, "export"), **alone, **AS_ENGINES}
    settings["model_name"] = str(checkpoint)  # the base is not needed, and may be elsewhere
    config = AudioRAFTConfig.from_mapping(settings)
    run = prepare(config, registry, Reporter(quiet=True, warnings=False), resumes=True)
    adapter = run.base
    if adapter is None:
        options = LoadOptions(str(run.executor.processes.device), run.language)
        task = cast("Task", config.task)
        adapter = load_adapter(registry, str(checkpoint), task, options, config.adapter)
    evaluator = attrs.evolve(run.evaluator, decoding=Decoding.of(run.config))
    return run.executor, _Held(run.data.held_out, adapter, evaluator, config.batch_size)


def _evaluate(held: _Held, before: Evaluation, transcribe: Transcribe) -> Evaluation:
    """Measure what an engine makes of the clips that the checkpoint was measured on."""
    adapter, evaluator, items = held.adapter, held.evaluator, []
    measured = {item.id for item in before.items}
    samples = [sample for sample in held.dataset.samples if sample.id in measured]
    for start in range(0, len(samples), held.batch_size):
        clips = [
            load_clip(sample, adapter.sampling_rate)
            for sample in samples[start : start + held.batch_size]
        ]
        with global_state_restored("the exporter's engine", "load"):
            try:
                said = list(transcribe(copies_for_adapter(clips)))
            except Exception as error:
                raise PluginError(
                    f"the engine failed on the exported model: {describe(error)}"
                ) from error
        if len(said) != len(clips):
            raise PluginError(f"the engine says {len(said)} texts of {len(clips)} clips")
        hypotheses: list[Hypothesis] = [evaluator.task.hypothesis(text) for text in said]
        items += evaluator.measure([(c, [h]) for c, h in zip(clips, hypotheses, strict=True)])
    return attrs.evolve(before, items=sorted(items, key=lambda item: item.id))


def _compared(before: Evaluation, after: Evaluation) -> Measured:
    key = "pred_text"
    different = [
        {"id": old.id, "checkpoint": old.prediction[key], "export": new.prediction[key]}
        for old, new in zip(before.items, after.items, strict=True)
        if old.prediction[key] != new.prediction[key]
    ]
    return Measured(
        dataset=before.dataset,
        metric=next(iter(before.metrics)),
        normalizer=before.normalizer,
        clips=len(after.items),
        checkpoint=before.value(),
        export=after.value(),
        difference_ci95=after.difference_interval(before),
        different=len(different),
        examples=different[:MOST_EXAMPLES],
    )
