"""Checking what a model adapter lets the engine keep of a clip."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import attrs
import torch

from audioforge.isolation.copies import copies_for_adapter, copy_for_adapter
from audioforge.model import GREEDY, ModelAdapter, Row
from audioforge.sample import Clip, Hypothesis
from audioforge_kit.contract import expect
from audioforge_kit.hypotheses import expect_same_hypotheses

GREEDY_SHORT = attrs.evolve(GREEDY, max_new_tokens=20)


def check_rows(
    adapter: ModelAdapter, clips: Sequence[Clip], targets: Sequence[Hypothesis], what: str
) -> None:
    """Check that rows are of their clips alone, and make what `prepare` makes of the clips.

    Args:
        adapter: The adapter, made trainable.
        clips: The clips of its example.
        targets: What can be learnt of each.
        what: How it was made trainable, for messages.

    Raises:
        ContractError: If they are not, or do not.
    """
    reuse = adapter.reuse()
    if reuse is None:
        return
    json.dumps(reuse.settings)
    trained = {p.data_ptr() for p in adapter.module.parameters() if p.requires_grad}
    moving = [name for name, weight in reuse.weights.items() if weight.data_ptr() in trained]
    expect(not moving, f"{what}: rows are reused of weights that are trained: {moving[:3]}")
    adapter.module.train()
    rows = _rows(adapter, clips)
    adapter.module.eval()
    renamed = [attrs.evolve(c, sample=attrs.evolve(c.sample, id=f"{c.sample.id} 2")) for c in clips]
    for row, other in zip(rows, _rows(adapter, renamed), strict=True):
        same = row.keys() == other.keys() and all(torch.equal(row[n], other[n]) for n in row)
        expect(same, f"{what}: a row depends on the sample's id, on the mode, or on chance")
    samples = [clip.sample for clip in clips]
    with torch.inference_mode():
        said, expected = (
            adapter.sample(batch, 1, GREEDY_SHORT)
            for batch in (
                adapter.assemble(samples, rows),
                adapter.prepare(copies_for_adapter(clips)),
            )
        )
    expect_same_hypotheses(said, expected, f"{what}: from rows")
    weights = [1.0] * len(clips)
    found, wanted = (
        float(adapter.loss(batch, targets, weights).detach())
        for batch in (adapter.assemble(samples, rows), adapter.prepare(copies_for_adapter(clips)))
    )
    near = math.isclose(found, wanted, rel_tol=1e-4, abs_tol=1e-4)
    expect(near, f"{what}: the loss is {found:.6g} from rows, {wanted:.6g} from clips")


def _rows(adapter: ModelAdapter, clips: Sequence[Clip]) -> list[Row]:
    """Return rows on the CPU, as the engine keeps them, of a network in the mode that it is in."""
    state = torch.get_rng_state()
    with torch.no_grad():
        rows: list[Row] = [
            {
                name: tensor.cpu()
                for name, tensor in adapter.reusable(copy_for_adapter(clip)).items()
            }
            for clip in clips
        ]
    expect(torch.equal(state, torch.get_rng_state()), "a row is drawn by torch's generator")
    return rows
