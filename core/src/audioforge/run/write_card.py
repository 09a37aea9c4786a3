"""Writing the card of what a run exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from audioforge.errors import DatasetError
from audioforge.files import atomic
from audioforge.find_dataset import chosen_dataset
from audioforge.run.base_card import CARD, HUB_ID, base_card
from audioforge.run.model_card import CardFacts, model_card
from audioforge.run.run import Run
from audioforge.specs import DatasetSpec


def write_card(run: Run, summary: Mapping[str, Any], metric: str) -> None:
    """Write `best/README.md`.

    Args:
        run: The run, exported.
        summary: What `summary.json` will hold.
        metric: How people call the metric that decides.
    """
    train = run.data.train
    unusable = {problem.where for problem in train.skips.problems.values()}
    facts = CardFacts(
        base=base_card(run.model_name),
        dataset=_hub_id(run, run.config.dataset),
        held_out=_hub_id(run, run.config.eval_dataset or run.config.dataset),
        clips=sum(sample.place not in unusable for sample in train.samples),
        metric=metric,
    )
    card = model_card(summary, run.config.as_mapping(), facts)
    atomic.write_text(run.folder.best / CARD, card)


def _hub_id(run: Run, text: str | None) -> str | None:
    """Return the hub's id of data, as they were named; None where they are from elsewhere."""
    location = (text or "").partition(":")[0]
    if text is None or not HUB_ID.fullmatch(location):
        return None
    try:
        provided, _ = chosen_dataset(run.registry, text)
    except DatasetError:  # rows that were given in Python, or a file that is gone by now
        return None
    return location if cast("DatasetSpec", provided.spec).hub else None
