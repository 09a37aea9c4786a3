"""Before the first update: whether the base model's own hypotheses hold anything to learn."""

from __future__ import annotations

from typing import Any

from audioforge.measuring.explanation import Explanation
from audioforge.measuring.learnability import assess
from audioforge.raft.selection import CycleRollouts
from audioforge.run.probed_clips import recall_probed
from audioforge.run.run import Run


def probe(
    run: Run, rollouts: CycleRollouts, explanation: Explanation | None
) -> dict[str, Any] | None:
    """Compare the hypotheses of the first cycle with greedy decoding, and say what that means.

    Only the untouched model can tell; so what it told is kept for a run that is resumed later.

    Args:
        run: The run.
        rollouts: The first cycle's, with those of the probed clips.
        explanation: What explains the base's measure: where the measure is to blame, drawing
            otherwise would not help.

    Returns:
        What `summary.json` holds as `learnability`; None where nothing was sampled.
    """
    known: dict[str, Any] | None = run.folder.recall("learnability")
    run.processes.wait()
    if known is not None or not rollouts.rewards.clips:
        return known
    decides = run.evaluator.decisive_metric
    greedy = {i: decides.parts(item.metrics) for i, item in recall_probed(run).items()}
    parts = run.evaluator.measure_rollouts(rollouts.probed)
    sampled = {r.sample.id: row for r, row in zip(rollouts.probed, parts, strict=True)}
    report = assess(rollouts.rewards, decides.metric, greedy, sampled)
    run.events.assessed(report)
    warning = report.warning()
    if warning and not (explanation and explanation.blames_measure):
        run.events.warn(warning)
    if run.processes.is_main:
        run.folder.remember("learnability", report.as_mapping())
    return report.as_mapping()
