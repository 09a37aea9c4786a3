"""The first half of a cycle: every training clip sampled, verified and written down."""

from __future__ import annotations

import time

import attrs

from audioforge.inference.completeness import check_complete
from audioforge.judging.failures import Failures
from audioforge.model import ModelAdapter
from audioforge.run.probed_clips import probe_journal, probed_ids, recall_probed, rollout_batches
from audioforge.run.rollout_job import RolloutJob
from audioforge.run.rollout_store import RolloutStore
from audioforge.run.run import Run


def collect(run: Run, adapter: ModelAdapter, cycle: int) -> dict[str, float]:
    """Complete a cycle's rollouts; what the run folder holds already is not sampled again.

    Args:
        run: The run.
        adapter: The model.
        cycle: The cycle, from 1.

    Returns:
        The seconds that this took now, as "rollout" and "verify".

    Raises:
        VerifierError: If a verifier fails too often.
        Interrupted: If somebody asked to stop; the run folder has what was finished.
    """
    store, processes, skips = run.rollouts(cycle), run.processes, run.data.train.skips
    guard = run.verification.guard
    if processes.is_main and run.resumes:
        store.forget_failed()
    processes.wait()
    failures = guard.begin()
    done = _recall(run, store, failures)
    probed = recall_probed(run) if cycle == 1 else {}
    run.evaluator.recall(processes.shard(list(probed.values())), failures)
    unprobed = probed_ids(run, cycle) - probed.keys() - store.problems().keys()
    processes.wait()  # nobody writes while others still read what there was
    # A batch is done as a whole or again, so that what it is padded to stays the same.
    finished = done - unprobed
    missing = [c for c in rollout_batches(run, cycle) if not finished.issuperset(s.id for s in c)]
    seconds = {"rollout": 0.0, "verify": 0.0}
    came_back: list[str] = []
    job = RolloutJob(run, adapter, cycle, probed_ids(run, cycle))
    for batch in run.executor.share(job, missing):
        started = time.perf_counter()
        new = [rollout for rollout in batch.rollouts if rollout.sample.id not in done]
        ids = [*(rollout.sample.id for rollout in new), *batch.problems]
        came_back += ids
        done.update(ids)
        for problem in batch.problems.values():
            skips.add(problem)
        guard.count(new)
        measured = [item for item in batch.probed if item.id in unprobed]
        run.evaluator.count(measured)
        failures.check()
        unprobed -= {item.id for item in measured}
        probe_journal(run).append({"item": attrs.asdict(item)} for item in measured)
        store.append(new, batch.problems)
        run.events.sampled(cycle, new)
        for what, spent in batch.seconds.items():
            seconds[what] += spent
        seconds["verify"] += time.perf_counter() - started
        run.stop.check()
    check_complete(missing, done, processes.gather(came_back), f"cycle {cycle}")
    failures.check(at_end=True, counts=processes.gather(failures.counts()))
    skips.share(processes.gather)
    return seconds


def _recall(run: Run, store: RolloutStore, failures: Failures) -> set[str]:
    """Take over what an interrupted run has done and failed on; return the ids of that."""
    processes = run.processes
    problems = store.problems()
    for problem in problems.values():
        run.data.train.skips.recall(problem)
    done = set(problems)
    for number, rollout in enumerate(store):
        done.add(rollout.sample.id)
        if number % processes.count == processes.rank:
            failures.recall(rollout)
    return done
