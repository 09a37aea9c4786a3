"""Settling the languages of a run's data, by the model that is to transcribe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from attrs import field, frozen

from audioforge.config import BenchmarkConfig
from audioforge.executor import Executor, Outline
from audioforge.find_adapter import load_adapter
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.model import LoadOptions, ModelAdapter, Task
from audioforge.plugins import Registry
from audioforge.run.data.languages import (
    Finding,
    Listener,
    SpokenLanguages,
    check_languages,
    settle_languages,
)
from audioforge.tasks import speech_task
from audioforge.terminal.reporter import Reporter

Datasets = Sequence[tuple[str, Sequence[EvaluationSet]]]
"""Every dataset by its role and name, as the sets that it was parted into."""


@frozen(eq=False)
class Settled:
    """Languages that are settled.

    Attributes:
        languages: Which languages each dataset is in.
        adapter: The model that is to transcribe them, loaded; None for other tasks.
        findings: What it heard, by dataset.
        common: The one language of all clips, where that is known and the model is to be told.
    """

    languages: list[SpokenLanguages] = field(factory=list)
    adapter: ModelAdapter | None = None
    findings: dict[str, Finding] = field(factory=dict)
    common: str | None = None


def settle(
    registry: Registry,
    config: BenchmarkConfig,
    datasets: Datasets,
    executor: Executor,
    reporter: Reporter,
    findings: Mapping[str, Finding] | None = None,
) -> Settled:
    """Give every sample its language; labels have none.

    Args:
        registry: What is installed.
        config: Names the model, and the language that is asked for.
        datasets: The data; their samples are replaced.
        executor: Shares the work of listening.
        reporter: Hears which languages they are.
        findings: What was heard when the run began; None for one that begins.

    Raises:
        AudioForgeError: If the model cannot be loaded, or does not know a language of the data.
    """
    task, asked = speech_task(config.task), config.language
    if task.has_classes:
        return Settled(common=config.common_language)
    if task.generates_speech:
        languages = settle_languages(datasets, asked, None, reporter)
        return Settled(languages, common=config.common_language)
    name = cast("str", config.model_name)
    options = LoadOptions(str(executor.processes.device), config.common_language)
    adapter = load_adapter(registry, name, cast("Task", config.task), options, config.adapter)
    outline = Outline(settings=config.as_mapping(), language=config.common_language)
    listener = Listener(adapter, outline, executor, reporter, dict(findings or {}))
    languages = settle_languages(datasets, asked, listener, reporter)
    sets = [dataset for _, parts in datasets for dataset in parts]
    check_languages(adapter, name, sets, reporter)
    common = config.common_language
    if common is None and len(adapter.languages) > 1:
        spoken = {sample.language for dataset in sets for sample in dataset.samples}
        common = spoken.pop() if len(spoken) == 1 else None
    return Settled(languages, adapter, listener.findings, common)
