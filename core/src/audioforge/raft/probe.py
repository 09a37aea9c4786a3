"""Before the first update: whether the base model's own hypotheses hold anything to learn."""

from __future__ import annotations

from typing import Any

from audioforge import keyed_random
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import DatasetPass
from audioforge.measuring.explanation import Explanation
from audioforge.measuring.learnability import assess
from audioforge.model import ModelAdapter
from audioforge.raft.selection import CycleRollouts
from audioforge.run.run import Run

PROBED_CLIPS = 500
"""Clips whose greedy output is compared with the oracle before the first update."""


def probed_ids(run: Run) -> set[str]:
    """Return the ids of the clips to probe; the same ones whatever else runs."""
    sampled = run.rollouts(1).samples.keys() - run.rollouts(1).problems().keys()
    samples = [s for s in run.data.train.samples if s.id in sampled]
    needs = run.evaluator.needs
    ids = sorted(s.id for s in samples if needs.met_by(s))
    order = keyed_random.shuffled(len(ids), "probe", run.config.seed)
    return {ids[i] for i in order[:PROBED_CLIPS]}


def probe(
    run: Run, adapter: ModelAdapter, rollouts: CycleRollouts, explanation: Explanation | None
) -> dict[str, Any] | None:
    """Compare the hypotheses of the first cycle with greedy decoding, and say what that means.

    Only the untouched model can tell; so what it told is kept for a run that is resumed later.

    Args:
        run: The run.
        adapter: The untouched model, unless that was done before.
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
    evaluator, train = run.evaluator, run.data.train
    greedy = {}
    if rollouts.probed:
        probed = EvaluationSet(train.name, [r.sample for r in rollouts.probed], train.skips)
        evaluation = evaluator.evaluate(
            adapter,
            DatasetPass(dataset=probed, what="greedy on", journal=run.journal("cycle-01/probe")),
        )
        greedy = {i.id: evaluator.decisive_metric.parts(i.metrics) for i in evaluation.items}
    parts = evaluator.measure_rollouts(rollouts.probed)
    sampled = {r.sample.id: row for r, row in zip(rollouts.probed, parts, strict=True)}
    report = assess(rollouts.rewards, evaluator.decisive_metric.metric, greedy, sampled)
    run.events.say(f"to learn: {report.describe()}")
    warning = report.warning()
    if warning and not (explanation and explanation.blames_measure):
        run.events.warn(warning)
    if run.processes.is_main:
        run.folder.remember("learnability", report.as_mapping())
    return report.as_mapping()
