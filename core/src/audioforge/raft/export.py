"""The end of a run: choose what is exported, write it, and measure it once more."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from audioforge import atomic
from audioforge.raft.choice import Candidate, Choice, best_cycle, choose
from audioforge.raft.evaluation import compare, is_better, summarise
from audioforge.raft.interpolation import interpolated
from audioforge.raft.run import Run
from audioforge.raft.run_folder import RunFolder
from audioforge.raft.summary import Summary


def export(
    run: Run, folder: RunFolder, base: Candidate, cycles: Sequence[Candidate], summary: Summary
) -> None:
    """Write `best/` by the rule of `choice.py`, and evaluate the test set on it.

    Args:
        run: The run.
        folder: Where to write.
        base: The untouched model.
        cycles: Every trained cycle.
        summary: Where the result is put.
    """
    best = best_cycle(cycles)
    line = _candidates_on_line(run, folder, best)
    choice = choose(base, cycles, line)
    summary.add_choice(choice, line)
    if run.processes.is_main:
        _write(run, folder, choice)
    run.processes.wait()
    if run.data.test is not None:
        _evaluate_test(run, folder, summary)


def _candidates_on_line(run: Run, folder: RunFolder, best: Candidate) -> list[Candidate]:
    """Evaluate the models between the base and the best cycle."""
    line = []
    for alpha in sorted(set(run.config.effective_interpolate)):
        if alpha == 1.0:
            line.append(best)
            continue
        checkpoint = str(folder.checkpoint(best.cycle))
        adapter = interpolated(run.load, run.model_name, checkpoint, alpha)
        what = f"{alpha:g} of cycle {best.cycle} on"
        held_out = run.evaluator.evaluate(adapter, run.data.held_out, what)
        retention = {r.name: run.evaluator.evaluate(adapter, r, what) for r in run.data.retention}
        line.append(Candidate(best.cycle, alpha, held_out, retention))
    return line


def _write(run: Run, folder: RunFolder, choice: Choice) -> None:
    with atomic.new_folder(folder.best) as target:
        if not choice.improved or choice.winner is None:
            run.load(run.model_name).save(target)
            return
        checkpoint = folder.checkpoint(choice.winner.cycle)
        if choice.winner.alpha == 1.0:
            shutil.copytree(checkpoint, target, dirs_exist_ok=True)
        else:
            alpha = choice.winner.alpha
            interpolated(run.load, run.model_name, str(checkpoint), alpha).save(target)


def _evaluate_test(run: Run, folder: RunFolder, summary: Summary) -> None:
    """Evaluate the base and what was exported, as it lies on disk, on the test set, once."""
    assert run.data.test is not None
    base = run.evaluator.evaluate(run.load(run.model_name), run.data.test, "base on")
    best = run.evaluator.evaluate(run.load(str(folder.best)), run.data.test, "best on")
    if run.processes.is_main:
        lines = (item.prediction for item in best.items)
        atomic.write_jsonl(folder.root / "test-predictions.jsonl", lines)
    summary.test = {
        "dataset": run.data.test.name,
        "base": summarise(base),
        "best": compare(best, base),
        "improved": is_better(best.difference_interval(base), best.metric),
    }
