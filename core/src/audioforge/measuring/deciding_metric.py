"""Which corpus metric decides between models, as `--metric` names it, and what it needs of a clip.

It can be of any verifier of the run, and of those whose metrics every evaluation of the task
reports. A verifier with weight 0 measures without rewarding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import evolve

from audioforge.config import MetricSettings, VerifierSetting
from audioforge.errors import AudioForgeError, ConfigError, did_you_mean
from audioforge.judging.needs import Needs, unready_verifier
from audioforge.measuring.corpus_metrics import MEAN_REWARD, MeasuredMetric
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry
from audioforge.sample import AudioSample
from audioforge.tasks import speech_task

if TYPE_CHECKING:
    from audioforge.measuring.evaluation import EvaluationSet
    from audioforge.measuring.evaluator import Evaluator

S = TypeVar("S", bound=MetricSettings)


def metric_problems(registry: Registry, settings: MetricSettings) -> list[str]:
    """Return what is wrong with the metric that was asked for: no verifier has it."""
    if settings.metric is None:
        return []
    known, describing = [], set()
    if speech_task(settings.task).reports_reward:
        known.append(MEAN_REWARD.name)
    for identity, setting in _measuring(registry, settings).items():
        try:
            verifier = unready_verifier(registry, setting)
        except AudioForgeError:  # which is told of with its own setting
            continue
        if verifier.scope == "hypothesis":  # greedy decoding gives one hypothesis
            for metric in verifier.corpus_metrics:
                name = MeasuredMetric(identity, metric).setting
                if metric.higher_is_better is None:
                    describing.add(name)
                else:
                    known.append(name)
    if settings.metric in known:
        return []
    if settings.metric in describing:
        return [
            f"metric: neither more nor less of '{settings.metric}' is better, so that it cannot "
            f"decide; every evaluation reports it all the same. Decide by {' or '.join(known)}"
        ]
    return [
        f"metric: there is no '{settings.metric}'; it is written VERIFIER.METRIC. "
        f"{did_you_mean(settings.metric, known)} Another one comes with its verifier: --verifier "
        f"NAME:weight=0 measures by it without rewarding"
    ]


def own_needs(settings: MetricSettings) -> Needs:
    """Return what a clip must say so that the task's own metric can be measured on it."""
    return Needs(speech_task(settings.task))


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
        return own_needs(settings)
    return Needs.of(unready_verifier(registry, _measuring(registry, settings)[identity]), task)


def without_references(registry: Registry, settings: S) -> S | None:
    """Return settings by which clips are measured that have no reference at all.

    The first metric decides, of the run's verifiers, that needs nothing but the sound; where none
    has one, that of the task's verifier for this, which is added with weight 0.

    Returns:
        None where a metric was asked for, or a verifier needs something that is not there.
    """
    task = speech_task(settings.task)
    added = task.verifier_without_references
    if settings.metric is not None or added is None:
        return None
    extra = VerifierSetting(added, added, 0.0, {})
    known = {setting.id for setting in settings.verifiers}
    for setting in (*settings.verifiers, *([] if added in known else [extra])):
        try:
            verifier = unready_verifier(registry, setting)
        except AudioForgeError:  # which is not installed
            return None
        if verifier.needs_metadata:  # and has a metric that the user may want
            return None
        if verifier.scope != "hypothesis" or Needs.of(verifier, task).reference:
            continue
        for metric in verifier.corpus_metrics:
            if metric.higher_is_better is None:
                continue
            run_own = settings.verifier or task.default_verifiers
            verifier_settings = (*run_own, f"{added}:weight=0") if setting is extra else run_own
            name = MeasuredMetric(setting.id, metric).setting
            return evolve(settings, metric=name, verifier=verifier_settings)
    return None


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
    if metric is None:
        evaluator.metrics = by_own_metric(evaluator, samples)
        return evaluator.decisive_metric.setting
    named = {
        measured.setting: name
        for name, measured in evaluator.metrics.items()
        if measured.metric.higher_is_better is not None
    }
    if metric not in named:
        raise ConfigError([f"metric: there is no '{metric}'. {did_you_mean(metric, named)}"])
    evaluator.metrics = _led_by(named[metric], evaluator.metrics)
    return metric


def metrics_on(evaluator: Evaluator, dataset: EvaluationSet) -> Mapping[str, MeasuredMetric]:
    """Return the metrics of a retention set, first the one that decides on it.

    What must not get worse need not be labelled as what is learnt is: a set that says nothing of
    what the chosen metric needs, or is in other scripts, is judged by the task's own.
    """
    is_own = evaluator.decisive_metric.verifier == _own_verifier(evaluator)
    if not is_own and any(evaluator.needs.met_by(sample) for sample in dataset.samples):
        return evaluator.metrics
    return by_own_metric(evaluator, dataset.samples)


def by_own_metric(
    evaluator: Evaluator, samples: Sequence[AudioSample]
) -> Mapping[str, MeasuredMetric]:
    """Return all metrics, first that of the task's own that most references can be measured by.

    A reference that is scored against itself shows which metrics its words count in.
    """
    task, identity = evaluator.task, _own_verifier(evaluator)
    own = [name for name, m in evaluator.metrics.items() if m.verifier == identity]
    if len(own) == 1:
        return _led_by(own[0], evaluator.metrics)
    right = [(s, s.reference) for s in samples if s.reference and task.has_reference(s)]
    scores = evaluator.verification.guard.scores(
        identity,
        evaluator.verifiers[identity],
        [sample for sample, _ in right],
        [task.hypothesis(reference) for _, reference in right],
    )
    rows = [{identity: score.metrics} for score in scores]
    parts = {name: evaluator.metrics[name].parts for name in own}
    first = max(own, key=lambda name: sum(parts[name](row)[1] > 0 for row in rows))
    return _led_by(first, evaluator.metrics)


def _own_verifier(evaluator: Evaluator) -> str:
    return next(iter(evaluator.task.metric_verifiers), MEAN_REWARD.name)


def _led_by(first: str, metrics: Mapping[str, MeasuredMetric]) -> Mapping[str, MeasuredMetric]:
    return {first: metrics[first], **metrics}


def _measuring(registry: Registry, settings: MetricSettings) -> dict[str, VerifierSetting]:
    """Return every verifier that measures, by id: the task's, the run's, the aggregator's."""
    name, options = read_plugin_reference(settings.reward_aggregator)
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
