"""The settings that are not the same in all that is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from audioforge.comparison.entry import Entry, written
from audioforge.config import AudioRAFTConfig


def differing_settings(entries: Sequence[Entry]) -> dict[str, list[str | None]]:
    """Return the value of each entry, None where it has none, in the order in which runs write.

    What a benchmark does not know of is not compared. A run of a version that did not have a
    setting yet is as one that has its default.
    """
    runs = [entry for entry in entries if entry.summaries]
    names = dict.fromkeys(name for entry in runs or entries for name in entry.settings)
    values = {name: [entry.settings.get(name) for entry in entries] for name in names}
    known = {
        name: {
            _defaults().get(name) if value is None else value
            for value, entry in zip(row, entries, strict=True)
            if value is not None or entry.summaries
        }
        for name, row in values.items()
    }
    return {name: values[name] for name, differ in known.items() if len(differ) > 1}


@cache
def _defaults() -> Mapping[str, str]:
    return {name: written(value) for name, value in AudioRAFTConfig().as_mapping().items()}
