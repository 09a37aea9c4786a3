"""What a cycle learns from: its rollouts are read once, for the selection and for the figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Set

from attrs import evolve, field, frozen

from audioforge.errors import AudioForgeError, PluginError, TrainingError, describe
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.measuring.reward_statistics import RewardStatistics
from audioforge.model import ModelAdapter
from audioforge.plugin_reference import read_plugin_reference
from audioforge.run.rollout_store import RolloutStore
from audioforge.run.run import Run
from audioforge.sample import Problem, Rollout
from audioforge.selection import DIVISORS, Kept, Selected


@frozen(eq=False, kw_only=True)
class CycleRollouts:
    """What one reading of a cycle's rollouts gave.

    Attributes:
        selected: What is learnt, sorted by sample id and hypothesis index.
        rewards: Statistics of the rewards.
        probed: The rollouts that were asked for, in the order in which they were written.
    """

    selected: Selected
    rewards: RewardStatistics
    probed: list[Rollout] = field(factory=list)


def select(
    run: Run, adapter: ModelAdapter, cycle: int, probed: Set[str] = frozenset()
) -> CycleRollouts:
    """Read a cycle's rollouts, and choose what is learnt, the same on every process.

    Args:
        run: The run.
        adapter: Says what it can learn.
        cycle: The cycle, from 1.
        probed: Ids of the samples whose rollouts are held.

    Raises:
        PluginError: If the selection fails, or keeps what is not there.
        TrainingError: If rollouts are missing.
    """
    store, rewards = run.rollouts(cycle), RewardStatistics()
    seen: set[str] = set()
    held: list[Rollout] = []

    def observed() -> Iterator[Rollout]:
        for rollout in store:
            seen.add(rollout.sample.id)
            rewards.add(rollout)
            if rollout.sample.id in probed:
                held.append(rollout)
            yield rollout

    rollouts = observed()
    selected = _selected(run, rollouts)
    for _ in rollouts:  # which the selection did not look at
        pass
    problems = store.problems()
    for problem in problems.values():  # of a cycle whose update has begun nobody else recalls them
        run.data.train.skips.recall(problem)
    _check_complete(store, seen | problems.keys())
    kept = [_checked(store, item) for item in selected.items]
    kept.sort(key=lambda item: (item.sample.id, item.target.index))
    learnable = [item for item in kept if _is_learnable(run, adapter, item)]
    return CycleRollouts(selected=evolve(selected, items=learnable), rewards=rewards, probed=held)


def mark_kept(run: Run, cycle: int, selected: Selected) -> None:
    """Mark what is learnt in the files of the rollouts; the processes share the work."""
    run.processes.wait()  # every process has read what is now written again
    keys = {(item.sample.id, item.target.index) for item in selected.items}
    run.rollouts(cycle).mark_kept(keys, run.processes.rank, run.processes.count)
    run.processes.wait()


def _selected(run: Run, rollouts: Iterator[Rollout]) -> Selected:
    """Call the selection, which may be anybody's."""
    name = read_plugin_reference(run.config.selection)[0]
    try:
        with global_state_restored(f"the selection '{name}'", "select"):
            selected = run.selection.select(rollouts, run.selection_context)
            weights = [item.weight for item in selected.items]
    except (AudioForgeError, OSError, KeyboardInterrupt):
        raise
    except Exception as error:  # foreign code
        raise PluginError(
            f"the selection '{name}' failed: {describe(error)}. Mend it, or choose another "
            f"--selection."
        ) from error
    if selected.divisor not in DIVISORS:
        known = ", ".join(DIVISORS)
        raise PluginError(
            f"the selection '{name}' returned the divisor {selected.divisor!r}, not one of {known}"
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise PluginError(f"the selection '{name}' returned a weight that is no number from 0")
    return selected


def _checked(store: RolloutStore, item: Kept) -> Kept:
    """Return what is kept with the run's own sample, which a plugin may have copied."""
    sample = store.samples.get(item.sample.id)
    if sample is None:
        raise PluginError(f"the selection kept '{item.sample.id}', which is not in the data")
    return evolve(item, sample=sample)


def _check_complete(store: RolloutStore, seen: Set[str]) -> None:
    missing = store.samples.keys() - seen
    if missing:
        raise TrainingError(
            f"{store.root}: {len(missing)} rollouts of cycle {store.cycle} are gone, such as that "
            f"of {min(missing)}; its update cannot go on. Start a new run."
        )


def _is_learnable(run: Run, adapter: ModelAdapter, item: Kept) -> bool:
    """Say whether the model can learn a target; write down why not."""
    reason = adapter.target_problem(item.sample, item.target)
    if reason is not None:
        problem = Problem(item.sample.place, reason, "unlearnable target")
        run.data.train.skips.add(problem)
    return reason is None
