"""Which clips the first cycle decodes greedily too, and what was measured on that.

That is done in the pass that draws their hypotheses: what a batch costs most, its encoder, is paid
for once. So whole batches are probed: a few rows of many batches would cost as much as all of them.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import cattrs

from audioforge import keyed_random
from audioforge.files.journal import Journal
from audioforge.inference.clips import chunks_of
from audioforge.measuring.evaluation import EvaluatedItem
from audioforge.run.run import Run
from audioforge.sample import AudioSample

PROBED_CLIPS = 500
"""Clips whose greedy output is compared with the oracle before the first update, or a few more."""


def rollout_batches(run: Run, cycle: int) -> list[Sequence[AudioSample]]:
    """Return the batches in which a cycle samples the training clips that do not rest."""
    samples = sorted(run.rollouts(cycle).samples.values(), key=lambda s: s.id)
    return chunks_of(samples, run.config.batch_size)


def probed_ids(run: Run, cycle: int) -> Set[str]:
    """Return the ids of the clips that a cycle probes; the same ones whatever else runs."""
    if cycle != 1 or run.selection.learns_from_references:
        return frozenset()
    batches, needs, ids = rollout_batches(run, cycle), run.evaluator.needs, set[str]()
    for number in keyed_random.shuffled(len(batches), "probe", run.config.seed):
        if len(ids) >= PROBED_CLIPS:
            break
        ids.update(sample.id for sample in batches[number] if needs.met_by(sample))
    return ids


def probe_journal(run: Run) -> Journal:
    """Return where the first cycle keeps what it measures on greedy outputs, as it comes."""
    return run.journal("cycle-01/probe")


def recall_probed(run: Run) -> dict[str, EvaluatedItem]:
    """Return what was measured on probed clips, by id, but for what a verifier failed on."""
    items = (cattrs.structure(line["item"], EvaluatedItem) for line in probe_journal(run).read())
    return {item.id: item for item in items if not item.errors}
