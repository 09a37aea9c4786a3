"""Before the first update: whether the base model's own hypotheses hold anything to learn."""

from __future__ import annotations

from typing import Any

from audioforge import keyed_random
from audioforge.files.journal import Journal
from audioforge.inference.stop import StopRequest
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.model import ModelAdapter
from audioforge.raft.learnability import assess
from audioforge.run.data.samples import has_reference
from audioforge.run.rollout_store import RolloutFiles
from audioforge.run.run import Run

PROBED_CLIPS = 500
"""Clips whose greedy output is compared with the oracle before the first update."""


def probe(
    run: Run, adapter: ModelAdapter, files: RolloutFiles, journal: Journal, stop: StopRequest
) -> dict[str, Any]:
    """Compare the hypotheses of the first cycle with greedy decoding, and say what that means.

    Args:
        run: The run.
        adapter: The untouched model.
        files: The first cycle's rollouts; at least one.
        journal: Keeps the greedy outputs as they come.
        stop: Asked after each batch.

    Returns:
        What `summary.json` holds as `learnability`.
    """
    evaluator, train = run.evaluator, run.data.train
    probed = _probed(run, files)
    greedy = {}
    if probed:
        probe_set = EvaluationSet(train.name, [files.samples[i] for i in probed], train.skips)
        evaluation = evaluator.evaluate(adapter, probe_set, "greedy on", journal=journal, stop=stop)
        greedy = {i.id: evaluator.decisive.parts(i.metrics) for i in evaluation.items}
    rollouts = [r for r in files if r.sample.id in probed]
    parts = evaluator.measure_rollouts(rollouts)
    sampled = {r.sample.id: row for r, row in zip(rollouts, parts, strict=True)}
    report = assess(files, evaluator.decisive.metric, greedy, sampled)
    run.reporter.info(f"to learn: {report.describe()}")
    warning = report.warning()
    if warning:
        run.reporter.warn(warning)
    return report.as_mapping()


def _probed(run: Run, files: RolloutFiles) -> set[str]:
    """Return the ids of the clips to probe; the same ones whatever else runs."""
    ids = sorted(r.sample.id for r in files if has_reference(r.sample, run.task))
    order = keyed_random.shuffled(len(ids), "probe", run.config.seed)
    return {ids[i] for i in order[:PROBED_CLIPS]}
