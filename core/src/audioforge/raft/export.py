"""The end of a run: choose what is exported, write it, and measure it once more."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from audioforge.files import atomic
from audioforge.inference.stop import StopRequest
from audioforge.measuring.evaluation import compare, is_better, summarise
from audioforge.measuring.set_size import FEWEST
from audioforge.model import ModelAdapter
from audioforge.raft.export_rule import Candidate, Choice, best_cycle, choose
from audioforge.raft.interpolation import interpolated
from audioforge.raft.summary import Summary
from audioforge.run.folder import RunFolder, save_model
from audioforge.run.run import Run


def export(
    run: Run,
    folder: RunFolder,
    base: Candidate,
    cycles: Sequence[Candidate],
    summary: Summary,
    stop: StopRequest,
) -> None:
    """Write `best/` by the rule of `choice.py`, and evaluate the test set on it.

    Args:
        run: The run.
        folder: Where to write.
        base: The untouched model.
        cycles: Every trained cycle.
        summary: Where the result is put.
        stop: Asked after each batch that is evaluated.
    """
    best = best_cycle(cycles)
    line = _candidates_on_line(run, folder, best, stop)
    choice = choose(base, cycles, line)
    summary.add_choice(choice, line)
    if run.processes.is_main:
        _write(run, folder, choice)
    run.processes.wait()
    if run.data.test is not None:
        _evaluate_test(run, folder, summary, stop)


def evaluate_candidate(
    run: Run,
    folder: RunFolder,
    adapter: ModelAdapter | None,
    cycle: int,
    alpha: float,
    what: str,
    stage: str,
    stop: StopRequest,
) -> Candidate:
    """Evaluate a model on the held-out set and on every retention set.

    Args:
        run: The run.
        folder: Keeps results as they come, so that an interrupted evaluation goes on.
        adapter: The model; None when the folder holds everything.
        cycle: Whose weights.
        alpha: How far from the base (0) to the cycle's weights (1).
        what: What the progress bar says.
        stage: Where the results are kept, below `state/`.
        stop: Asked after each batch.
    """
    audio = folder.predicted_audio(cycle) if run.task == "tts" and alpha in (0.0, 1.0) else None
    rank = run.processes.rank
    held_out = run.evaluator.evaluate(
        adapter,
        run.data.held_out,
        what,
        audio_folder=audio,
        journal=folder.journal(f"{stage}/held-out", rank),
        stop=stop,
    )
    retention = {
        dataset.name: run.evaluator.evaluate(
            adapter,
            dataset,
            what,
            journal=folder.journal(f"{stage}/retention-{number}", rank),
            stop=stop,
        )
        for number, dataset in enumerate(run.data.retention)
    }
    return Candidate(cycle, alpha, held_out, retention)


def _candidates_on_line(
    run: Run, folder: RunFolder, best: Candidate, stop: StopRequest
) -> list[Candidate]:
    """Evaluate the models between the base and the best cycle."""
    line = []
    for alpha in sorted(set(run.config.effective_interpolate)):
        if alpha == 1.0:
            line.append(best)
            continue
        checkpoint = str(folder.checkpoint(best.cycle))
        adapter = interpolated(run.load, run.model_name, checkpoint, alpha)
        what = f"{alpha:g} of cycle {best.cycle} on"
        stage = f"export-{alpha!r}"
        line.append(evaluate_candidate(run, folder, adapter, best.cycle, alpha, what, stage, stop))
    return line


def _write(run: Run, folder: RunFolder, choice: Choice) -> None:
    if not choice.improved or choice.winner is None:
        save_model(run.load(run.model_name), folder.best)
        return
    checkpoint, alpha = folder.checkpoint(choice.winner.cycle), choice.winner.alpha
    if alpha == 1.0:
        with atomic.new_folder(folder.best) as target:
            shutil.copytree(checkpoint, target, dirs_exist_ok=True)
    else:
        save_model(interpolated(run.load, run.model_name, str(checkpoint), alpha), folder.best)


def _evaluate_test(run: Run, folder: RunFolder, summary: Summary, stop: StopRequest) -> None:
    """Evaluate the base and what was exported, as it lies on disk, on the test set, once."""
    assert run.data.test is not None
    checkpoints = {"base": run.model_name, "best": str(folder.best)}
    base, best = (
        run.evaluator.evaluate(
            run.load(checkpoint),
            run.data.test,
            f"{which} on",
            journal=folder.journal(f"export/test-{which}", run.processes.rank),
            stop=stop,
        )
        for which, checkpoint in checkpoints.items()
    )
    if run.processes.is_main:
        lines = (item.prediction for item in best.items)
        atomic.write_jsonl(folder.root / "test-predictions.jsonl", lines)
    summary.test = {
        "dataset": run.data.test.name,
        "base": summarise(base),
        "best": compare(best, base),
        "improved": min(base.measured, best.measured) >= FEWEST
        and is_better(best.difference_interval(base), best.metric),
    }
