"""Which corpus metric decides between models, as `--metric` names it, and what it needs of a clip.

It can be of any verifier of the run, and of those whose metrics every evaluation of the task
reports. A verifier with weight 0 measures without rewarding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from audioforge.config import MetricSettings, VerifierSetting
from audioforge.errors import AudioForgeError, ConfigError, did_you_mean
from audioforge.judging.needs import Needs, unready_verifier
from audioforge.measuring.corpus_metrics import MEAN_REWARD, MeasuredMetric
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry
from audioforge.sample import AudioSample
from audioforge.tasks import speech_task

if TYPE_CHECKING:
    from audioforge.measuring.evaluator import Evaluator


def metric_problems(registry: Registry, settings: MetricSettings) -> list[str]:
    """Return what is wrong with the metric that was asked for: no verifier has it."""
    if settings.metric is None:
        return []
    known = []
    if speech_task(settings.task).reports_reward:
        known.append(MEAN_REWARD.name)
    for identity, setting in _measuring(registry, settings).items():
        try:
            verifier = unready_verifier(registry, setting)
        except AudioForgeError:  # which is told of with its own setting
            continue
        if verifier.scope == "hypothesis":  # greedy decoding gives one hypothesis
            known += [MeasuredMetric(identity, m).setting for m in verifier.corpus_metrics]
    if settings.metric in known:
        return []
    return [
        f"metric: there is no '{settings.metric}'; it is written VERIFIER.METRIC. "
        f"{did_you_mean(settings.metric, known)} Another one comes with its verifier: --verifier "
        f"NAME:weight=0 measures by it without rewarding"
    ]


def deciding_needs(registry: Registry, settings: MetricSettings) -> Needs:
    """Return what a clip must say so that the metric that decides can be measured on it.

    Raises:
        AudioForgeError: If the verifier cannot be created.
    """
    task = speech_task(settings.task)
    metric = settings.metric
    if metric is None:
        identity = next(iter(task.metric_verifiers), None)
    else:
        identity = None if metric == MEAN_REWARD.name else metric.rpartition(".")[0]
    if identity is None:
        return Needs(task)
    return Needs.of(unready_verifier(registry, _measuring(registry, settings)[identity]), task)


def decide_by(evaluator: Evaluator, metric: str | None, samples: Sequence[AudioSample]) -> str:
    """Have a metric decide from now on.

    Args:
        evaluator: What measures.
        metric: As `--metric` names it; None for the task's own.
        samples: What is measured on.

    Returns:
        How `--metric` names it.

    Raises:
        ConfigError: If no verifier has it.
    """
    named = {measured.setting: name for name, measured in evaluator.metrics.items()}
    if metric is None:
        metric = _own_metric(evaluator, samples)
    if metric not in named:
        raise ConfigError([f"metric: there is no '{metric}'. {did_you_mean(metric, named)}"])
    first = named[metric]
    evaluator.metrics = {first: evaluator.metrics[first], **evaluator.metrics}
    return metric


def _own_metric(evaluator: Evaluator, samples: Sequence[AudioSample]) -> str:
    """Return the metric of the task's first verifier that most references can be measured by.

    A reference that is scored against itself shows which metrics its words count in.
    """
    task, identity = evaluator.task, evaluator.decisive_metric.verifier
    own = [measured for measured in evaluator.metrics.values() if measured.verifier == identity]
    if len(own) == 1:
        return own[0].setting
    right = [(s, s.reference) for s in samples if s.reference and task.has_reference(s)]
    scores = evaluator.verification.guard.scores(
        identity,
        evaluator.verifiers[identity],
        [sample for sample, _ in right],
        [task.hypothesis(reference) for _, reference in right],
    )
    rows = [{identity: score.metrics} for score in scores]
    return max(own, key=lambda m: sum(m.parts(row)[1] > 0 for row in rows)).setting


def _measuring(registry: Registry, settings: MetricSettings) -> dict[str, VerifierSetting]:
    """Return every verifier that measures, by id: the task's, the run's, the aggregator's."""
    name, options = read_plugin_reference(settings.aggregator)
    try:
        required = cast("Any", registry.create("aggregators", name, **options)).requires
    except AudioForgeError:  # which is told of with its own setting
        required = ()
    task = speech_task(settings.task)
    own = [VerifierSetting.parse(name) for name in task.metric_verifiers]
    added = [VerifierSetting(name, name, 0.0, {}) for name in required]
    measuring: dict[str, VerifierSetting] = {}
    for setting in (*own, *settings.verifiers, *added):
        measuring.setdefault(setting.id, setting)
    return measuring
