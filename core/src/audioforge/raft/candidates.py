"""Evaluating what could be exported: cycles, and points between the base and a cycle."""

from __future__ import annotations

from audioforge.measuring.dataset_pass import DatasetPass
from audioforge.measuring.deciding_metric import metrics_on
from audioforge.measuring.enough_utterances import size_problem
from audioforge.measuring.explanation import Explanation
from audioforge.model import ModelAdapter
from audioforge.raft.export_rule import Candidate
from audioforge.run.explain_base import explain_base
from audioforge.run.run import Run
from audioforge.run.style import warn_of_style


def evaluate(
    run: Run,
    adapter: ModelAdapter | None,
    cycle: int,
    alpha: float = 1.0,
    *,
    as_exported: bool = False,
) -> Candidate:
    """Evaluate a model on the held-out set and on every retention set.

    Args:
        run: The run; its folder keeps results as they come, so that an interrupted evaluation goes
            on.
        adapter: The model; None to recall an evaluation that was finished.
        cycle: The cycle whose weights it has; 0 for the untouched base.
        alpha: How far it is from the base (0) to the cycle's weights (1).
        as_exported: Whether it is no cycle's own model, but one that could be exported: between the
            base and the cycle, or rounded.

    Raises:
        DatasetError: If nothing of a set can be measured.
        TrainingError: If results that are to be recalled are gone.
        Interrupted: If somebody asked to stop.
    """
    what = f"{alpha:g} of cycle {cycle} on" if as_exported else f"cycle {cycle} evaluate"
    stage = f"export-{alpha!r}" if as_exported else f"cycle-{cycle:02d}"
    speaks = run.task.generates_speech and not as_exported
    held_out = run.evaluator.evaluate(
        adapter,
        DatasetPass(
            dataset=run.data.held_out,
            what=what,
            audio_folder=run.folder.predicted_audio(cycle) if speaks else None,
            journal=run.journal(f"{stage}/held-out"),
        ),
    )
    retention = {
        dataset.name: run.evaluator.evaluate(
            adapter,
            DatasetPass(
                dataset=dataset,
                what=what,
                metrics=metrics_on(run.evaluator, dataset),
                journal=run.journal(f"{stage}/retention-{number}"),
            ),
        )
        for number, dataset in enumerate(run.data.retention)
    }
    return Candidate(cycle, alpha if cycle else 0.0, held_out, retention)


def doubt(run: Run, base: Candidate) -> Explanation | None:
    """Say which sets are too small to measure on, what explains a bad measure, what style costs."""
    sets = [("held-out", run.data.held_out, base.evaluation)]
    sets += [("retention", d, base.retention[d.name]) for d in run.data.retention]
    for role, dataset, evaluation in sets:
        problem = size_problem(role, dataset.name, evaluation.drawn, len(dataset.samples))
        if problem is not None:
            run.events.warn(problem)
    explanation = explain_base(run, base.evaluation)
    warn_of_style(run, base.evaluation.style, "the held-out clips")
    return explanation
