"""Verifying: every hypothesis scored by every verifier, the scores turned into one reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from audioforge.config import VerifierSetting
from audioforge.errors import (
    AudioForgeError,
    ConfigError,
    PluginError,
    UsageError,
    VerifierError,
    describe,
)
from audioforge.isolation.copies import copies_for_aggregator
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.isolation.time_limit import OutOfTime, call_within
from audioforge.judging.guard import Guard
from audioforge.judging.verifier_models import VerifierModels
from audioforge.model import Task
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry, checked_options, verifier_spec
from audioforge.reward import RewardAggregator
from audioforge.sample import (
    AudioSample,
    Hypothesis,
    Rollout,
    Score,
    ScoredHypothesis,
    check_reward,
)
from audioforge.verifier import Verifier, VerifierContext


def verifier_context(
    registry: Registry,
    task: Task,
    normalizer: str,
    wer_threshold: float,
    device: str | Callable[[], str],
    labels: tuple[str, ...] = (),
) -> VerifierContext:
    """Return what a run tells its verifiers; models that they ask for are loaded once."""
    models = VerifierModels(registry, device)
    return VerifierContext(task, normalizer, wer_threshold, device, models, labels)


def create_verifier(
    registry: Registry, setting: VerifierSetting, context: VerifierContext
) -> Verifier:
    """Create one verifier and set it up.

    Raises:
        PluginError: If it is unknown or cannot be imported.
        ConfigError: If its options are wrong or it does not serve the task.
        VerifierError: If setting it up fails.
    """
    spec = verifier_spec(registry, setting.name)
    if context.task not in spec.tasks:
        raise ConfigError(
            [f"verifier {setting.name}: serves {', '.join(spec.tasks)}, not {context.task}"]
        )
    verifier = cast("Verifier", registry.create("verifiers", setting.name, **setting.options))
    try:
        with global_state_restored(f"verifier '{setting.id}'", "setup"):
            verifier.setup(context)
    except (AudioForgeError, KeyboardInterrupt):
        raise
    except BaseException as error:  # foreign code, which may even call sys.exit; say whose it is
        raise VerifierError(
            f"verifier '{setting.id}' cannot be set up: {describe(error)}. Mend it or leave it out."
        ) from error
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
        name, options = read_plugin_reference(aggregator)
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
        registry: What is installed.
        settings: The verifiers to use.
        aggregator: The aggregator, as name:key=value or a mapping.
        context: What the run tells the verifiers.
        guard: Calls the verifiers; None for no time limit and any number of failures.

    Attributes:
        context: What the run told the verifiers.
        settings: Each verifier as the run has it, those that the aggregator requires included.
        verifiers: The verifiers, set up, by id.
        weights: Each verifier's weight, by id; 0 for those that the aggregator requires and nobody
            gave.
        required: Ids that the aggregator must see whatever their weight.
        guard: Calls the verifiers, and counts what they fail on.

    Raises:
        ConfigError: If two verifiers share an id, or none has a weight.
    """

    def __init__(
        self,
        registry: Registry,
        settings: Sequence[VerifierSetting],
        aggregator: str | dict[str, Any],
        context: VerifierContext,
        guard: Guard | None = None,
    ) -> None:
        """Create and set up every verifier."""
        if problems := setting_problems(settings):
            raise ConfigError(problems)
        ids = [s.id for s in settings]
        name, options = read_plugin_reference(aggregator)
        self._aggregator_name = name
        self._aggregator = cast("RewardAggregator", registry.create("aggregators", name, **options))
        self.required = tuple(self._aggregator.requires)
        added = [VerifierSetting(i, i, 0.0, {}) for i in self._aggregator.requires if i not in ids]
        self.context = context
        self.settings = [*settings, *added]
        self.weights = {s.id: s.weight for s in self.settings}
        self.guard = guard or Guard(time_limit=0.0, max_failures=1.0)
        self.verifiers: dict[str, Verifier] = {
            s.id: create_verifier(registry, s, context) for s in self.settings
        }

    def verify(
        self, cycle: int, samples: Sequence[AudioSample], hypotheses: Sequence[list[Hypothesis]]
    ) -> list[Rollout]:
        """Score the k hypotheses of each sample.

        A hypothesis that a verifier fails on has a score with an error, and no reward if the
        verifier has a part in it.

        Raises:
            VerifierError: If the aggregator fails.
        """
        flat_samples = [s for s, hs in zip(samples, hypotheses, strict=True) for _ in hs]
        flat = [h for hs in hypotheses for h in hs]
        columns = {
            identity: self.guard.scores(identity, verifier, flat_samples, flat)
            for identity, verifier in self.verifiers.items()
        }
        rows = [{i: column[n] for i, column in columns.items()} for n in range(len(flat))]
        scored = map(ScoredHypothesis, flat, rows, self.rewards(rows))
        return [
            Rollout(sample, cycle, [next(scored) for _ in own])
            for sample, own in zip(samples, hypotheses, strict=True)
        ]

    def has_part(self, identity: str) -> bool:
        """Whether a verifier has a part in the reward: by its weight, or as one that must pass."""
        return self.weights.get(identity, 0) > 0 or identity in self.required

    def rewards(self, rows: Sequence[Mapping[str, Score]]) -> list[float | None]:
        """Return the reward that the scores of each hypothesis of a batch make together.

        Returns:
            None when nothing could judge, or when a verifier that has a part in it failed.

        Raises:
            VerifierError: If the aggregator fails, takes longer than a verifier may, or returns
                something that is no reward.
        """
        limit = self.guard.time_limit
        try:
            with global_state_restored(f"the aggregator '{self._aggregator_name}'", "aggregate"):
                return call_within(limit, lambda: [self._reward(scores) for scores in rows])
        except OutOfTime as error:
            raise VerifierError(
                f"the aggregator '{self._aggregator_name}' took longer than {limit:g} s for a "
                f"batch. Mend it, or choose another --aggregator."
            ) from error

    def _reward(self, scores: Mapping[str, Score]) -> float | None:
        heard = {identity: s for identity, s in scores.items() if self.has_part(identity)}
        if any(score.error is not None for score in heard.values()):
            return None
        try:
            reward = self._aggregator.aggregate(copies_for_aggregator(heard), dict(self.weights))
            check_reward(reward)
            return reward
        except Exception as error:  # foreign code; the same scores would make it fail again
            raise VerifierError(
                f"the aggregator failed on {', '.join(heard)}: {describe(error)}. Mend it, or "
                f"choose another --aggregator."
            ) from error

    def close(self) -> list[str]:
        """Let the verifiers go.

        Returns:
            A sentence for each that fails at that; by now it has done its work.
        """
        problems, limit = [], self.guard.time_limit
        for identity, verifier in self.verifiers.items():
            try:
                with global_state_restored(f"verifier '{identity}'", "close"):
                    call_within(limit, verifier.close)
            except OutOfTime:
                problems.append(f"verifier '{identity}' cannot be closed within {limit:g} s")
            except Exception as error:  # a verifier is foreign code
                problems.append(f"verifier '{identity}' cannot be closed: {describe(error)}")
        return problems
