"""What a cycle learns from: its rollouts are read once, for the selection and for the figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from itertools import groupby
from typing import Any

from attrs import evolve, field, frozen

from audioforge.errors import AudioForgeError, PluginError, TrainingError, describe
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.measuring.cut_short import cut_warning
from audioforge.measuring.reward_statistics import RewardStatistics
from audioforge.model import ModelAdapter
from audioforge.plugin_reference import read_plugin_reference
from audioforge.run.rollout_store import RolloutStore
from audioforge.run.run import Run
from audioforge.sample import AudioSample, Hypothesis, Problem, Rollout
from audioforge.selection import DIVISORS, REFERENCE, Kept, Selected


@frozen(eq=False, kw_only=True)
class CycleRollouts:
    """What one reading of a cycle's rollouts gave.

    Attributes:
        selected: What is learnt, sorted by sample id and hypothesis index.
        rewards: Statistics of the rewards.
        threshold: The reward from which a hypothesis could be kept.
        unlearnable: Why the model cannot learn what else was selected, a reason for each.
        probed: The rollouts that were asked for, in the order in which they were written.
    """

    selected: Selected
    rewards: RewardStatistics
    threshold: float
    unlearnable: list[str]
    probed: list[Rollout] = field(factory=list)

    def without_probed(self) -> CycleRollouts:
        """Return the same without the rollouts that were asked for."""
        return evolve(self, probed=[])

    def as_mapping(self, resting: Set[str]) -> dict[str, Any]:
        """Return what `metrics.json` holds, with how many clips rested."""
        threshold = {"reward_threshold": self.threshold, "resting": len(resting)}
        return self.rewards.as_mapping() | threshold


def select(
    run: Run, adapter: ModelAdapter, cycle: int, probed: Set[str] = frozenset()
) -> CycleRollouts:
    """Read a cycle's rollouts, and choose what is learnt, the same on every process.

    Where fewer than `min_kept` clips are, it is chosen again from a lower threshold.

    Args:
        run: The run.
        adapter: Says what it can learn.
        cycle: The cycle, from 1.
        probed: Ids of the samples whose rollouts are held.

    Raises:
        PluginError: If the selection fails, or keeps what is not there.
        TrainingError: If rollouts are missing.
    """
    threshold, least = run.config.reward_threshold_of(cycle), run.config.min_kept
    rollouts = _select(run, adapter, cycle, threshold, probed)
    if len({item.sample.id for item in rollouts.selected.items}) < least:
        lower = rollouts.rewards.reached_by(least)
        if lower is not None and lower < threshold:
            return _select(run, adapter, cycle, lower, probed)
    return rollouts


def _select(
    run: Run, adapter: ModelAdapter, cycle: int, threshold: float, probed: Set[str]
) -> CycleRollouts:
    store = run.rollouts(cycle)
    rewards = RewardStatistics(run.evaluator.compared if cycle == 1 else None)
    sizes: dict[str, int] = {}
    held: list[Rollout] = []

    def observed() -> Iterator[Rollout]:
        for rollout in store:
            sizes[rollout.sample.id] = len(rollout.hypotheses)
            rewards.add(rollout)
            if rollout.sample.id in probed:
                held.append(rollout)
                rollout = _copied(rollout)  # the selection may be anybody's, and change it
            yield rollout

    rollouts = observed()
    selected = _chosen(run, cycle, threshold, rollouts)
    for _ in rollouts:  # which the selection did not look at
        pass
    problems = store.problems()
    for problem in problems.values():  # of a cycle whose update has begun nobody else recalls them
        run.data.train.skips.recall(problem)
    _check_complete(store, sizes.keys() | problems.keys())
    kept = [_checked(store, sizes, item, run.task.output) for item in selected.items]
    kept.sort(key=_place)
    for _, (first, *again) in groupby(kept, key=_place):
        if again:
            raise PluginError(
                f"the selection kept hypothesis {first.target.index} of '{first.sample.id}' more "
                f"than once; what counts more has a larger weight"
            )
    if warning := cut_warning(f"cycle {cycle}", rewards.cut, rewards.hypotheses):
        run.events.warn(warning)
    reasons = [_leave_out(run, adapter, item) for item in kept]
    learnable = [item for item, reason in zip(kept, reasons, strict=True) if reason is None]
    return CycleRollouts(
        selected=evolve(selected, items=learnable),
        rewards=rewards,
        threshold=threshold,
        unlearnable=[reason for reason in reasons if reason is not None],
        probed=held,
    )


def mark_kept(run: Run, cycle: int, selected: Selected) -> None:
    """Mark what is learnt in the files of the rollouts; the processes share the work."""
    run.processes.wait()  # every process has read what is now written again
    keys = {_place(item) for item in selected.items}
    run.rollouts(cycle).mark_kept(keys, run.processes.rank, run.processes.count)
    run.processes.wait()


def _place(item: Kept) -> tuple[str, int]:
    """Return which hypothesis is kept: the id of its sample, and its index there."""
    return item.sample.id, item.target.index


def _copied(rollout: Rollout) -> Rollout:
    """Return a rollout that can be changed without changing this one."""
    return evolve(
        rollout, hypotheses=[evolve(h, scores=dict(h.scores)) for h in rollout.hypotheses]
    )


def _chosen(run: Run, cycle: int, threshold: float, rollouts: Iterator[Rollout]) -> Selected:
    """Call the selection, and check what it returns; what it draws is keyed as all noise is."""
    name = read_plugin_reference(run.config.selection)[0]
    key = (f"the selection '{name}'", "select", str(run.config.seed), str(cycle))
    try:
        with global_state_restored(*key):
            selected = run.selection.select(rollouts, run.selection_context(threshold))
            items, divisor = list(selected.items), selected.divisor
            loss = selected.loss
            least = 0.0 if loss is None else -math.inf
            are_weights = all(math.isfinite(i.weight) and i.weight >= least for i in items)
    except (AudioForgeError, OSError, KeyboardInterrupt):
        raise
    except BaseException as error:  # foreign code, which may even call sys.exit
        raise PluginError(
            f"the selection '{name}' failed: {describe(error)}. Mend it, or choose another "
            f"--selection."
        ) from error
    if divisor not in DIVISORS:
        known = ", ".join(DIVISORS)
        raise PluginError(
            f"the selection '{name}' returned the divisor {divisor!r}, not one of {known}"
        )
    if not are_weights:
        kind = "no number" if loss else "no number from 0"
        raise PluginError(f"the selection '{name}' returned a weight that is {kind}")
    if (loss is not None) != run.selection.has_loss or (loss is not None and divisor != "clips"):
        raise PluginError(
            f"the selection '{name}' has_loss {run.selection.has_loss} and returned the loss "
            f"{loss!r} with the divisor {divisor!r}: one that has a loss returns it, with 'clips'"
        )
    if items and not any(item.weight for item in items):
        raise PluginError(
            f"the selection '{name}' gave all that it kept the weight 0, of which nothing is learnt"
        )
    return Selected(items, divisor, loss)


def _checked(store: RolloutStore, sizes: Mapping[str, int], item: Kept, output: str) -> Kept:
    """Return what is kept with the run's own sample, which a plugin may have copied.

    Args:
        store: Has the samples.
        sizes: How many hypotheses each rollout has, by the id of its sample.
        item: What the selection kept.
        output: The field of a hypothesis that holds what the model said.
    """
    if not isinstance(item.target, Hypothesis) or getattr(item.target, output) is None:
        raise PluginError(
            f"the selection kept {item.target!r}, which is no hypothesis: no {output}"
        )
    if not isinstance(item.sample, AudioSample):
        raise PluginError(f"the selection kept {item.sample!r}, which is no sample")
    identity, index = item.sample.id, item.target.index
    if identity not in sizes:
        raise PluginError(f"the selection kept '{identity}', which is not in the rollouts")
    if index != REFERENCE and not 0 <= index < sizes[identity]:
        raise PluginError(f"the selection kept hypothesis {index} of '{identity}', which has none")
    return evolve(item, sample=store.samples[identity])


def _check_complete(store: RolloutStore, seen: Set[str]) -> None:
    missing = store.samples.keys() - seen
    if missing:
        raise TrainingError(
            f"{store.root}: {len(missing)} rollouts of cycle {store.cycle} are gone, such as that "
            f"of {min(missing)}; its update cannot go on. Start a new run."
        )


def _leave_out(run: Run, adapter: ModelAdapter, item: Kept) -> str | None:
    """Write down why the model cannot learn a target, and return it; None where it can."""
    reason = adapter.target_problem(item.sample, item.target)
    if reason is not None:
        problem = Problem(item.sample.place, reason, "unlearnable target")
        run.data.train.skips.add(problem)
    return reason
