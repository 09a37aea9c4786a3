"""What settings ask of plugins and of this machine, checked before an hour of reading data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from audioforge.config import (
    AudioRAFTConfig,
    MetricSettings,
    ModelSettings,
    RewardSettings,
    RunSettings,
    SamplingSettings,
    Settings,
    TaskSettings,
    VerifierSetting,
)
from audioforge.errors import ConfigError, PluginError, UsageError
from audioforge.judging.verification import name_problems, setting_problems
from audioforge.measuring.deciding_metric import metric_problems
from audioforge.measuring.task_metrics import taken_id_problems
from audioforge.model import Task
from audioforge.plugin_reference import PluginReference, read_plugin_reference
from audioforge.plugins import Registry, checked_options
from audioforge.selection import Selection
from audioforge.specs import AugmentationSpec
from audioforge.tasks import speech_task


def check_settings(registry: Registry, settings: Settings) -> None:
    """Check all that a plugin or this machine must provide, of the tables that there are.

    Raises:
        ConfigError: Naming each setting that cannot be served.
    """
    checks: dict[type[Settings], Callable[[Registry, Any], list[str]]] = {
        RewardSettings: _reward_problems,
        MetricSettings: metric_problems,
        ModelSettings: _model_problems,
        RunSettings: _run_problems,
        AudioRAFTConfig: _training_problems,
        TaskSettings: _task_problems,
    }
    problems = [
        problem
        for table, check in checks.items()
        if isinstance(settings, table)
        for problem in check(registry, settings)
    ]
    if problems:
        raise ConfigError(problems)


def _reward_problems(registry: Registry, settings: RewardSettings) -> list[str]:
    task = cast("Task", settings.task)
    given = [VerifierSetting.parse(plugin) for plugin in settings.verifier]
    return [
        *name_problems(registry, given, settings.reward_aggregator, task),
        *taken_id_problems(registry, given, speech_task(task)),
        *setting_problems(settings.verifiers),
    ]


def _model_problems(registry: Registry, settings: ModelSettings) -> list[str]:
    problems = _plugin_problems("executor", registry, "executors", settings.executor)
    if settings.adapter is not None:
        try:
            registry.find("models", settings.adapter)
        except PluginError as error:
            problems.append(f"adapter: {error}")
    return problems


def _run_problems(registry: Registry, settings: RunSettings) -> list[str]:
    return [
        problem
        for index, tracker in enumerate(settings.log_with)
        for problem in _plugin_problems(f"log_with[{index}]", registry, "trackers", tracker)
    ]


def _training_problems(registry: Registry, settings: AudioRAFTConfig) -> list[str]:
    problems = []
    if settings.new_head and not speech_task(settings.task).has_classes:
        problems.append("new_head: only a classifier has a head; add --task classification")
    if settings.new_head and settings.export_adapter:
        problems.append("export_adapter: a new head is no update of the base; leave new_head out")
    selected = _plugin_problems("selection", registry, "selections", settings.selection)
    augmented = [
        problem
        for index, plugin in enumerate(settings.augment)
        for problem in _augmentation_problems(index, registry, plugin, settings.task)
    ]
    return [*problems, *augmented, *(selected or _few_hypotheses(registry, settings))]


def _augmentation_problems(
    index: int, registry: Registry, plugin: PluginReference, task: str
) -> list[str]:
    key = f"augment[{index}]"
    if problems := _plugin_problems(key, registry, "augmentations", plugin):
        return problems
    spec = cast(
        "AugmentationSpec", registry.find("augmentations", read_plugin_reference(plugin)[0]).spec
    )
    if task in spec.tasks:
        return []
    return [f"{key}: {spec.name} is for --task {' or '.join(spec.tasks)}, not {task}"]


def _few_hypotheses(registry: Registry, settings: SamplingSettings) -> list[str]:
    """Return whether there are too few hypotheses for the selection to choose from."""
    name, options = read_plugin_reference(settings.selection)
    try:
        least = cast("Selection", registry.create("selections", name, **options)).least_hypotheses
    except PluginError as error:
        return [f"selection: {error}"]
    k = settings.samples_per_prompt
    if k >= least:
        return []
    hypotheses = "1 hypothesis" if k == 1 else f"{k} hypotheses"
    return [
        f"samples_per_prompt: with {hypotheses} per clip there is no best one to select; use "
        f"{least} or more"
    ]


def _task_problems(_: Registry, settings: TaskSettings) -> list[str]:
    # Those two are everywhere, and torch is imported for others. Where there is an executor, the
    # device is that of whoever does its work, which is known when it joins.
    if settings.device in ("auto", "cpu") or isinstance(settings, ModelSettings):
        return []
    from audioforge.inference.processes import device_problem

    problem = device_problem(settings.device)
    return [] if problem is None else [problem]


def _plugin_problems(key: str, registry: Registry, kind: str, plugin: PluginReference) -> list[str]:
    """Return why a plugin cannot be created, as far as is known without creating it."""
    try:
        name, options = read_plugin_reference(plugin)
        if not name:
            return [f"{key}: {plugin} has no name; write {{name: PLUGIN, option: value}}"]
        checked_options(registry.find(kind, name), options)
    except ConfigError as error:
        return [f"{key}: {problem}" for problem in error.problems]
    except (PluginError, UsageError) as error:
        return [f"{key}: {error}"]
    return []
