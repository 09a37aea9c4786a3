"""The metrics that every evaluation of a task reports, whatever a run is rewarded by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audioforge.config import VerifierSetting
from audioforge.errors import PluginError
from audioforge.measuring.corpus_metrics import MEAN_REWARD, MeasuredMetric, metrics_of
from audioforge.plugins import Registry, verifier_spec
from audioforge.tasks import SpeechTask
from audioforge.verifier import Verifier


def reward_parts(reward: float | None) -> dict[str, float]:
    """Return what one output adds to the mean reward; nothing where it has none."""
    return {} if reward is None else {"reward": reward, "judged": 1.0}


def reported_metrics(
    task: SpeechTask, verifiers: Mapping[str, Verifier]
) -> dict[str, MeasuredMetric]:
    """Return every corpus metric of an evaluation by its name; the first one is the task's own.

    Args:
        task: The task.
        verifiers: The verifiers that measure, by id; the task's own come first.
    """
    first = {}
    if task.reports_reward:
        first[MEAN_REWARD.name] = MeasuredMetric(MEAN_REWARD.name, MEAN_REWARD)
    return metrics_of(verifiers, first)


def taken_id_problems(
    registry: Registry, settings: Sequence[VerifierSetting], task: SpeechTask
) -> list[str]:
    """Return which verifiers have an id under which every evaluation reports something else."""
    taken = {MEAN_REWARD.name} if task.reports_reward else set(task.metric_verifiers)
    return [
        f"verifier[{index}]: {setting.name} has the id '{setting.id}', under which every "
        f"evaluation reports its own metric; give it another one with id="
        for index, setting in enumerate(settings)
        if setting.id in taken and not _is_called(registry, setting.id, setting.name)
    ]


def _is_called(registry: Registry, identity: str, name: str) -> bool:
    """Whether a verifier is what its id says; one that is not there is told of elsewhere."""
    try:
        spec = verifier_spec(registry, name)
    except PluginError:
        return True
    try:
        return verifier_spec(registry, identity) is spec
    except PluginError:
        return False
