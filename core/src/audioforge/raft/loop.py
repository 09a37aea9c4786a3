"""The algorithm, top to bottom: reward-ranked fine-tuning.

Dong et al. 2023, "RAFT: Reward rAnked FineTuning for Generative Foundation Model Alignment". Per
cycle: sample k hypotheses for each clip, verify them, turn the scores into a reward, keep the best
hypothesis of each clip that earns enough, fine-tune on what was kept, and evaluate by decoding
held-out clips.

Departures from the paper: a threshold keeps a clip whose best hypothesis is bad from teaching;
every cycle samples all clips, not a fresh batch of prompts, from the model of the cycle before;
every cycle starts a fresh optimiser; the loss has no KL term; and what is exported is chosen on
held-out data, on the line between the base and the best cycle, or is the base itself when nothing
improved (`export.py`).

Everything that costs time is written down as it comes, and looked for before it is done: so a run
that was killed goes through the same loop again, and does what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from audioforge.inference.preparation import PASSING
from audioforge.measuring.patience import out_of_patience
from audioforge.model import ModelAdapter
from audioforge.raft.candidates import doubt, evaluate
from audioforge.raft.collect import collect
from audioforge.raft.export_rule import best_cycle
from audioforge.raft.nothing_kept import nothing_kept
from audioforge.raft.probe import probe
from audioforge.raft.selection import CycleRollouts, mark_kept, select
from audioforge.raft.summary import Summary
from audioforge.raft.update import UpdateJob, report_of
from audioforge.run.probed_clips import probed_ids
from audioforge.run.resume_points import Progress
from audioforge.run.run import Run


def train(run: Run, adapter: ModelAdapter, accepted_changes: Sequence[str] = ()) -> Summary:
    """Run every cycle; return what they came to, of which `export` chooses.

    Args:
        run: The run, its folder opened.
        adapter: The base model, made trainable; changed in place.
        accepted_changes: What changed before the run was resumed, and was accepted.
    """
    summary = Summary(run, evaluate(run, adapter, cycle=0), accepted_changes)
    summary.tell(summary.base_candidate, summary.base)
    summary.explanation = doubt(run, summary.base_candidate)
    resumed = run.folder.points.progress() or Progress(0)  # of no cycle
    if resumed.cycle:
        run.folder.points.restore_module(adapter.module)
        run.events.say(f"going on from the resume point: {resumed.describe()}")
    for cycle in range(1, run.config.num_cycles + 1):
        summary.stopped_early = out_of_patience(run.config.patience, summary.evaluations)
        if summary.stopped_early:
            run.events.say(f"{summary.stopped_early}: the run ends here")
            break
        if _recall_finished(run, summary, cycle):
            continue
        progress = resumed if resumed.cycle == cycle else Progress(cycle)

        # Sample k hypotheses for each clip, and verify them: finished where the update has begun.
        seconds = {} if progress is resumed else collect(run, adapter, cycle)

        # Choose what is learnt.
        rollouts = _selected(run, adapter, summary, cycle)
        if not rollouts.selected.items:
            summary.stopped_early = nothing_kept(run, cycle, rollouts, summary.explanation)
            break

        # Learn it.
        if not progress.finished:
            run.executor.together(UpdateJob(run, adapter, rollouts.selected, progress))
        seconds["update"] = progress.seconds

        # Measure what that came to.
        _finish_cycle(run, adapter, summary, progress, rollouts, seconds)
    return summary


def _recall_finished(run: Run, summary: Summary, cycle: int) -> bool:
    """Tell again what a cycle came to that was finished before; say whether it was."""
    figures = run.folder.read_metrics(cycle)
    if figures is None:
        return False
    candidate = evaluate(run, None, cycle)
    summary.recall_cycle(candidate, figures)
    summary.learnability = run.folder.recall("learnability")
    _prune(run, summary, cycle)
    summary.tell(candidate, figures, recalled=True)
    return True


def _selected(run: Run, adapter: ModelAdapter, summary: Summary, cycle: int) -> CycleRollouts:
    """Select what is learnt; in the first cycle, say whether there is anything to learn."""
    rollouts = select(run, adapter, cycle, probed_ids(run, cycle))
    if cycle == 1 and not run.selection.learns_from_references:
        summary.learnability = probe(run, rollouts, summary.explanation)
        rollouts = rollouts.without_probed()  # a cycle is learnt from without holding them
    mark_kept(run, cycle, rollouts.selected)
    return rollouts


def _finish_cycle(
    run: Run,
    adapter: ModelAdapter,
    summary: Summary,
    progress: Progress,
    rollouts: CycleRollouts,
    seconds: dict[str, float],
) -> None:
    """Evaluate what was learnt, and write the cycle down; its metrics are written last."""
    cycle, started = progress.cycle, time.monotonic()
    candidate = evaluate(run, adapter, cycle)
    seconds["evaluate"] = time.monotonic() - started
    report = report_of(progress, run.config.learning_rate_of(cycle))
    kept, sampled = len(rollouts.selected.items), rollouts.as_mapping(run.resting(cycle))
    figures = summary.add_cycle(candidate, sampled, kept, report, seconds)
    if run.processes.is_main:
        run.folder.save_checkpoint(cycle, adapter, run.updated)
        run.folder.write_skipped(run.data.skips)
    summary.tell(candidate, figures)
    _prune(run, summary, cycle)
    run.processes.wait()
    run.cache.drop(PASSING)


def _prune(run: Run, summary: Summary, latest: int) -> None:
    """Remove the checkpoints of all finished cycles but the best and the latest one."""
    if run.processes.is_main:
        run.folder.prune_checkpoints(latest, best_cycle(summary.trained).cycle)
