"""Verifying: every hypothesis scored by every verifier, the scores turned into one reward."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from audioforge.checkpoints import load_adapter
from audioforge.config import VerifierSetting
from audioforge.errors import ConfigError, PluginError, UsageError, VerifierError
from audioforge.model import LoadOptions, ModelAdapter, Task
from audioforge.plugins import Registry, checked_options, verifier_spec
from audioforge.reward import RewardAggregator
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.spelling import read_reference
from audioforge.verifier import Verifier, VerifierContext


def verifier_context(
    registry: Registry,
    task: Task,
    normalizer: str,
    wer_threshold: float,
    device: str,
    labels: tuple[str, ...] = (),
) -> VerifierContext:
    """Return what a run tells its verifiers; models that they ask for are loaded once."""

    @cache
    def load_model(checkpoint: str, task: Task) -> ModelAdapter:
        return load_adapter(registry, checkpoint, task, LoadOptions(device=device))

    return VerifierContext(task, normalizer, wer_threshold, device, load_model, labels)


def create_verifier(
    registry: Registry, setting: VerifierSetting, context: VerifierContext
) -> Verifier:
    """Create one verifier and set it up.

    Raises:
        PluginError: If it is unknown or cannot be imported.
        ConfigError: If its options are wrong or it does not serve the task.
    """
    spec = verifier_spec(registry, setting.name)
    if context.task not in spec.tasks:
        raise ConfigError(
            [f"verifier {setting.name}: serves {', '.join(spec.tasks)}, not {context.task}"]
        )
    verifier = cast("Verifier", registry.create("verifiers", setting.name, **setting.options))
    verifier.setup(context)
    return verifier


def name_problems(
    registry: Registry,
    settings: Sequence[VerifierSetting],
    aggregator: str | dict[str, Any],
    task: Task,
) -> list[str]:
    """Return what no plugin can serve of the verifiers and the aggregator, each with its key."""
    problems = []
    for index, setting in enumerate(settings):
        key = f"verifier[{index}]"
        try:
            spec = verifier_spec(registry, setting.name)
            checked_options(registry.find("verifiers", setting.name), setting.options)
            if task not in spec.tasks:
                problems.append(f"{key}: {setting.name} serves {', '.join(spec.tasks)}, not {task}")
        except ConfigError as error:
            problems += [f"{key}: {problem}" for problem in error.problems]
        except PluginError as error:
            problems.append(f"{key}: {error}")
    try:
        name, options = read_reference(aggregator)
        ids = [s.id for s in settings]
        for identity in cast("Any", registry.create("aggregators", name, **options)).requires:
            if identity not in ids:
                _check_added(registry, identity, task)
    except ConfigError as error:
        problems += [f"aggregator: {problem}" for problem in error.problems]
    except (PluginError, UsageError) as error:
        problems.append(f"aggregator: {error}")
    return problems


def _check_added(registry: Registry, name: str, task: Task) -> None:
    """Check that a verifier that an aggregator requires can be added as it is.

    Raises:
        PluginError: If there is none of this name.
        ConfigError: If it does not serve the task, or has options that must be given.
    """
    spec = verifier_spec(registry, name)
    if task not in spec.tasks:
        raise ConfigError([f"requires {name}, which serves {', '.join(spec.tasks)}, not {task}"])
    try:
        checked_options(registry.find("verifiers", name), {})
    except ConfigError as error:
        raise ConfigError(
            [
                f"requires {name}, which is not among the verifiers and cannot be added without "
                f"options ({problem}); give it as a verifier, with weight 0 to only record it"
                for problem in error.problems
            ]
        ) from error


def setting_problems(settings: Sequence[VerifierSetting]) -> list[str]:
    """Return what is wrong with the verifiers of a run together: equal ids, no weight at all."""
    ids = [s.id for s in settings]
    problems = [
        f"verifier: {identity} is there twice; give one another name with id="
        for identity in sorted({i for i in ids if ids.count(i) > 1})
    ]
    if not any(s.weight for s in settings):
        problems.append("verifier: every weight is 0, so that nothing makes a reward")
    return problems


class Verification:
    """The verifiers and the aggregator of a run.

    Args:
        registry: Of the installed plugins.
        settings: The verifiers to use.
        aggregator: Its reference, as name:key=value or a mapping.
        context: What the run tells them.

    Attributes:
        verifiers: By id, set up.
        weights: Of each of them; 0 for those that the aggregator requires and nobody gave.
        required: Ids that the aggregator must see whatever their weight.

    Raises:
        ConfigError: If two verifiers share an id, or none has a weight.
    """

    def __init__(
        self,
        registry: Registry,
        settings: Sequence[VerifierSetting],
        aggregator: str | dict[str, Any],
        context: VerifierContext,
    ) -> None:
        """Create and set up every verifier."""
        if problems := setting_problems(settings):
            raise ConfigError(problems)
        ids = [s.id for s in settings]
        name, options = read_reference(aggregator)
        self._aggregator = cast("RewardAggregator", registry.create("aggregators", name, **options))
        self.required = tuple(self._aggregator.requires)
        added = [VerifierSetting(i, i, 0.0, {}) for i in self._aggregator.requires if i not in ids]
        self.weights = {s.id: s.weight for s in [*settings, *added]}
        self.verifiers: dict[str, Verifier] = {
            s.id: create_verifier(registry, s, context) for s in [*settings, *added]
        }

    def verify(
        self, cycle: int, samples: Sequence[AudioSample], hypotheses: Sequence[list[Hypothesis]]
    ) -> list[Rollout]:
        """Score the k hypotheses of each sample.

        Raises:
            VerifierError: If a verifier raises or returns something that is no score.
        """
        flat_samples = [s for s, hs in zip(samples, hypotheses, strict=True) for _ in hs]
        flat = [h for hs in hypotheses for h in hs]
        columns = {
            identity: scores_of(identity, verifier, flat_samples, flat)
            for identity, verifier in self.verifiers.items()
        }
        scored = iter(
            self._scored(hypothesis, {i: column[n] for i, column in columns.items()})
            for n, hypothesis in enumerate(flat)
        )
        return [
            Rollout(sample, cycle, [next(scored) for _ in own])
            for sample, own in zip(samples, hypotheses, strict=True)
        ]

    def _scored(self, hypothesis: Hypothesis, scores: dict[str, Score]) -> ScoredHypothesis:
        return ScoredHypothesis(hypothesis, scores, self.reward(scores))

    def reward(self, scores: Mapping[str, Score]) -> float | None:
        """Return the reward that scores make together, or None when nothing could judge.

        Raises:
            VerifierError: If the aggregator returns something that is no reward.
        """
        heard = {
            i: s for i, s in scores.items() if self.weights.get(i, 0) > 0 or i in self.required
        }
        reward = self._aggregator.aggregate(heard, self.weights)
        try:
            Score(reward)
        except (TypeError, ValueError) as error:
            raise VerifierError(f"the aggregator returned {reward!r}: {error}") from error
        return reward

    def close(self) -> None:
        """Let the verifiers go."""
        for verifier in self.verifiers.values():
            verifier.close()


def scores_of(
    identity: str,
    verifier: Verifier,
    samples: Sequence[AudioSample],
    hypotheses: Sequence[Hypothesis],
) -> list[Score]:
    """Call one verifier and check what it returns.

    Raises:
        VerifierError: Naming the verifier, if it raises or breaks its contract.
    """
    try:
        scores = verifier.verify(samples, hypotheses)
    except Exception as error:  # a verifier is foreign code; say whose failure it is
        raise VerifierError(
            f"verifier '{identity}' failed on a batch that starts with sample "
            f"'{samples[0].id if samples else ''}': {type(error).__name__}: {error}"
        ) from error
    if len(scores) != len(samples) or not all(isinstance(s, Score) for s in scores):
        raise VerifierError(
            f"verifier '{identity}' must return one Score for each of {len(samples)} hypotheses"
        )
    for score in scores:
        for name, value in score.metrics.items():
            if not math.isfinite(value):
                raise VerifierError(
                    f"verifier '{identity}': metric '{name}' is {value}; a metric that cannot be "
                    f"computed is left out"
                )
    return scores
