"""What explains the base model's measure, said before anything is trained by it."""

from __future__ import annotations

from audioforge.measuring.evaluation import Evaluation
from audioforge.measuring.explanation import Explanation, explain
from audioforge.run.data.samples import normalizer_for
from audioforge.run.run import Run


def explain_base(run: Run, base: Evaluation) -> Explanation | None:
    """Look for what explains the base model's held-out measure, and say it.

    The same on every process, and of a run that is resumed: the base's output is the same.

    Args:
        run: The run.
        base: The untouched model, evaluated on the held-out set.
    """
    samples = [*run.data.train.samples, *run.data.held_out.samples]
    advised = normalizer_for(None, run.config.common_language, samples, run.config.task)
    explanation = explain(run.registry, run.evaluator, run.data.held_out, base, advised)
    if explanation is not None:
        explanation.tell(run.events.warn, run.events.say)
    return explanation
