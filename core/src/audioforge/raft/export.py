"""The end of a run: choose what is exported, write it, and measure it once more."""

from __future__ import annotations

import shutil

from audioforge.files import atomic
from audioforge.measuring.advice import advice
from audioforge.measuring.enough_utterances import FEWEST
from audioforge.measuring.evaluation import compare, is_better, summarise
from audioforge.measuring.evaluator import DatasetPass
from audioforge.model import ModelAdapter
from audioforge.raft.candidates import evaluate
from audioforge.raft.export_rule import Candidate, ExportChoice, best_cycle, choose
from audioforge.raft.interpolation import interpolated
from audioforge.raft.summary import Summary
from audioforge.run.folder import save_model
from audioforge.run.run import Run


def export(run: Run, summary: Summary) -> None:
    """Write `best/` by the rule of `export_rule.py`, and evaluate the test set on it.

    Args:
        run: The run; every cycle of it is trained.
        summary: Where the result is put.
    """
    line = _candidates_on_line(run, best_cycle(summary.trained))
    choice = choose(summary.base_candidate, summary.trained, line)
    summary.add_choice(choice, line)
    summary.advice = advice(summary.as_mapping(), run.config.as_mapping())
    if run.processes.is_main:
        exported = summary.base_candidate
        if choice.improved and choice.winner is not None:
            exported = choice.winner
        run.folder.write_best_predictions(exported.cycle, exported.evaluation.predictions)
        _write(run, choice)
    run.processes.wait()
    if run.data.test is not None:
        _evaluate_test(run, summary)


def _candidates_on_line(run: Run, best: Candidate) -> list[Candidate]:
    """Evaluate the models between the base and the best cycle."""
    line = []
    for alpha in sorted(set(run.config.effective_interpolate)):
        if alpha == 1.0:
            line.append(best)
            continue
        checkpoint = str(run.folder.checkpoint(best.cycle))
        adapter = _as_trained(run, interpolated(run.load, run.model_name, checkpoint, alpha))
        line.append(evaluate(run, adapter, best.cycle, alpha))
    return line


def _as_trained(run: Run, adapter: ModelAdapter) -> ModelAdapter:
    """Return a model with the same weights frozen as in the cycles, whose output is known."""
    adapter.make_trainable(run.train_options)
    return adapter


def _write(run: Run, choice: ExportChoice) -> None:
    if not choice.improved or choice.winner is None:
        save_model(run.load(run.model_name), run.folder.best)
        return
    checkpoint, alpha = run.folder.checkpoint(choice.winner.cycle), choice.winner.alpha
    if alpha == 1.0:
        with atomic.new_folder(run.folder.best) as target:
            shutil.copytree(checkpoint, target, dirs_exist_ok=True)
    else:
        adapter = interpolated(run.load, run.model_name, str(checkpoint), alpha)
        save_model(adapter, run.folder.best)


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
        run.events.end(summary.as_mapping())
        run.folder.remove_state()
