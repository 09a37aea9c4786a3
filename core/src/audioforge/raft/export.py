"""The end of a run: choose what is exported, write it, and measure it once more."""

from __future__ import annotations

import shutil

from audioforge.files import atomic
from audioforge.huggingface.export_dtype import cast_files, round_weights
from audioforge.huggingface.write_update import UPDATE, scale_update
from audioforge.measuring.advice import advice
from audioforge.measuring.dataset_pass import DatasetPass
from audioforge.measuring.enough_utterances import FEWEST
from audioforge.measuring.evaluation import compare, is_better, summarise
from audioforge.model import ModelAdapter
from audioforge.raft.candidates import evaluate
from audioforge.raft.export_rule import Candidate, best_cycle, choose
from audioforge.raft.interpolation import interpolated
from audioforge.raft.summary import Summary
from audioforge.run.folder import write_checkpoint
from audioforge.run.run import Run
from audioforge.run.write_card import write_card


def export(run: Run, summary: Summary) -> None:
    """Write `best/` by the rule of `export_rule.py`, and evaluate the test set on it.

    Args:
        run: The run; every cycle of it is trained.
        summary: Where the result is put.
    """
    line = _candidates_on_line(run, best_cycle(summary.trained))
    choice = choose(summary.base_candidate, summary.trained, line)
    winner = choice.winner if choice.improved else None
    exported = winner or _base_as_exported(run, summary.base_candidate)
    summary.add_choice(choice, line, exported)
    summary.advice = advice(summary.as_mapping(), run.config.as_mapping())
    if run.processes.is_main:
        run.folder.write_best_predictions(exported.cycle, exported.evaluation.predictions)
        _write(run, winner)
    run.processes.wait()
    if run.data.test is not None:
        _evaluate_test(run, summary)


def _candidates_on_line(run: Run, best: Candidate) -> list[Candidate]:
    """Evaluate the models between the base and the best cycle, rounded as they are exported."""
    line = []
    for alpha in sorted(set(run.config.effective_interpolate)):
        if alpha == 1.0 and not run.exports_rounded:
            line.append(best)
            continue
        adapter = _between(run, best.cycle, alpha)
        round_weights(adapter.module, run.config.export_dtype)
        line.append(evaluate(run, _as_trained(run, adapter), best.cycle, alpha, as_exported=True))
    return line


def _base_as_exported(run: Run, base: Candidate) -> Candidate:
    """Return the base model as it is written: evaluated once more where rounding changes it."""
    if not run.exports_rounded:
        return base
    adapter = run.load(run.model_name)
    if not round_weights(adapter.module, run.config.export_dtype):
        return base
    return evaluate(run, _as_trained(run, adapter), cycle=0, alpha=0.0, as_exported=True)


def _between(run: Run, cycle: int, alpha: float) -> ModelAdapter:
    """Load the model that is `alpha` of the way from the base to a cycle."""
    checkpoint = str(run.folder.checkpoint(cycle))
    if alpha == 1.0:
        return run.load(checkpoint)
    return interpolated(run.load, run.model_name, checkpoint, alpha)


def _as_trained(run: Run, adapter: ModelAdapter) -> ModelAdapter:
    """Return a model with the same weights frozen as in the cycles, whose output is known."""
    adapter.make_trainable(run.train_options)
    return adapter


def _write(run: Run, winner: Candidate | None) -> None:
    """Write `best/`: a candidate, or the base."""
    with atomic.new_folder(run.folder.best) as folder:
        if winner is None:
            write_checkpoint(run.load(run.model_name), folder)
        elif winner.alpha == 1.0:
            shutil.copytree(run.folder.checkpoint(winner.cycle), folder, dirs_exist_ok=True)
        else:
            adapter = _between(run, winner.cycle, winner.alpha)
            write_checkpoint(adapter, folder)
            if run.config.export_adapter:
                update = run.folder.checkpoint(winner.cycle) / UPDATE
                scale_update(update, folder / UPDATE, winner.alpha, adapter.module)
        cast_files(folder, run.config.export_dtype)


def _evaluate_test(run: Run, summary: Summary) -> None:
    """Evaluate the base and what was exported, as it lies on disk, on the test set, once."""
    assert run.data.test is not None
    checkpoints = {"base": run.model_name, "best": str(run.folder.best)}
    base, best = (
        run.evaluator.evaluate(
            _as_trained(run, run.load(checkpoint)),
            DatasetPass(
                dataset=run.data.test,
                what=f"{which} on",
                journal=run.journal(f"export/test-{which}"),
            ),
        )
        for which, checkpoint in checkpoints.items()
    )
    if run.processes.is_main:
        run.folder.write_test_predictions(base.predictions, best.predictions)
    summary.test = {
        "dataset": run.data.test.name,
        "base": summarise(base),
        "best": compare(best, base),
        "improved": min(base.drawn, best.drawn) >= FEWEST
        and is_better(best.difference_interval(base), best.metric),
    }


def finish(run: Run, summary: Summary, seconds: float) -> None:
    """Say what was left out and what failed, and write the result.

    Args:
        run: The run, exported.
        summary: What the run measured.
        seconds: Time that the whole run took.
    """
    for dataset in run.data.all:
        skipped = dataset.skips.describe(dataset.total)
        if skipped and len(dataset.skips.problems) > dataset.unread:  # else said before
            run.events.warn(f"{dataset.name}: {skipped}")
    failures = run.verification.guard.failures
    for line in failures.describe(run.processes.gather(failures.counts())):
        run.events.warn(line)
    summary.seconds = seconds
    if run.processes.is_main:
        run.folder.write_skipped(run.data.skips)
        write_card(run, summary.as_mapping(), summary.base_candidate.evaluation.metric.title)
        run.events.end(summary.as_mapping())
        run.folder.remove_state()
