"""Rates with and without the clips whose output runs away, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audioforge.terminal.figures import percent


def rate(entry: Mapping[str, Any], metric: str) -> str:
    """Return a rate, and what it is without the run-away clips where there are any.

    >>> rate({"wer": 0.405, "runaway": 2, "without_runaway": {"wer": 0.271}}, "wer")
    '40.5 %, 27.1 % without 2 run-away clips'
    >>> rate({"wer": 0.271, "runaway": 0}, "wer")
    '27.1 %'

    Args:
        entry: Results, as JSON holds them.
        metric: The name of the rate in it.
    """
    count = entry["runaway"]
    clips = f"{count:,} run-away clip{'' if count == 1 else 's'}"
    others = f", {percent(entry['without_runaway'][metric])} without {clips}" if count else ""
    return f"{percent(entry[metric])}{others}"


def runaway_cell(entry: Mapping[str, Any], metric: str) -> str:
    """Return how many clips run away, and the rate without them.

    >>> runaway_cell({"wer": 0.405, "runaway": 2, "without_runaway": {"wer": 0.271}}, "wer")
    '2 (27.1 % without)'
    """
    count = entry["runaway"]
    return f"{count:,} ({percent(entry['without_runaway'][metric])} without)" if count else "0"
