"""References of which a normaliser leaves nothing: no output is right or wrong against them.

A reference that is empty in the data says that nothing is said. One that holds only what a
normaliser takes away, such as "(laughs)", says something that is not scored: neither a model that
is silent nor one that speaks would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from audioforge.errors import DatasetError
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import Evaluator
from audioforge.sample import AudioSample, Hypothesis, Problem
from audioforge.terminal.reporter import Reporter

AT_ONCE = 1000
"""References that are normalised in one call."""


def leave_out_emptied(
    datasets: Iterable[EvaluationSet], evaluator: Evaluator, reporter: Reporter
) -> None:
    """Leave out of datasets what no transcript can be scored against, and say so.

    Args:
        datasets: What is to be scored against its references.
        evaluator: What measures: its verifier is asked whether it can judge a reference itself.
        reporter: Hears how many are left out, and which is the first.

    Raises:
        DatasetError: If nothing is left of one; at the first under the policy "fail".
    """
    if evaluator.task.output != "text":
        return
    name = evaluator.verification.context.normalizer
    for dataset in datasets:
        emptied = list(_emptied(dataset.samples, evaluator))
        if not emptied:
            continue
        if len(emptied) == len(dataset.samples):
            raise DatasetError(
                f"{dataset.name}: every reference is empty once {name} has normalised it, so that "
                f"nothing can be scored; see --normalizer"
            )
        for sample in emptied:
            reason = (
                f"nothing is left of the reference {sample.reference!r:.60} once {name} has "
                f"normalised it, so that nothing can be scored against it; another --normalizer "
                f"may keep it"
            )
            dataset.skips.add(Problem(sample.place, reason, "emptied reference"))
        total, gone = len(dataset.samples), {sample.id for sample in emptied}
        dataset.samples[:] = [s for s in dataset.samples if s.id not in gone]
        dataset.unread += len(emptied)
        reporter.warn(
            f"{dataset.name}: {len(emptied)} of {total} references are empty once {name} has "
            f"normalised them, and are left out (first: {emptied[0].place}: "
            f"{emptied[0].reference!r:.60})"
        )


def _emptied(samples: Sequence[AudioSample], evaluator: Evaluator) -> Iterator[AudioSample]:
    """Yield the samples that the task's own metric cannot judge their own references against."""
    identity = evaluator.task.metric_verifiers[0]
    verifier, guard = evaluator.verifiers[identity], evaluator.verification.guard
    written = [s for s in samples if s.reference is not None and s.reference.strip()]
    for start in range(0, len(written), AT_ONCE):
        chunk = written[start : start + AT_ONCE]
        # Without their sound: only what is written is asked about.
        texts = [AudioSample(s.id, reference=s.reference, language=s.language) for s in chunk]
        quoted = [Hypothesis(text=s.reference) for s in chunk]
        scores = guard.scores(identity, verifier, texts, quoted)
        for sample, score in zip(chunk, scores, strict=True):
            if score.reward is None and score.error is None:
                yield sample
