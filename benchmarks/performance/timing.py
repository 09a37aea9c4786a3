"""Contestants that take turns in one process, and what each turn cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from attrs import field, frozen

Clock = Callable[[], float]


@frozen(eq=False)
class Contestant:
    """One way of doing a piece of work.

    Attributes:
        name: What tables call it.
        work: What is timed.
        prepare: Makes what `work` takes, anew for each turn, and is not timed.
    """

    name: str
    work: Callable[[Any], object]
    prepare: Callable[[], Any] = lambda: None


@frozen(kw_only=True)
class Figures:
    """What was measured of one piece of work.

    Attributes:
        unit: Of the values, such as "CPU s a clip".
        values: What each contestant's turns cost.
        missing: Contestants that did not take part, and why.
        details: Whatever explains the values: counts, settings, rates of the arithmetic.
    """

    unit: str
    values: Mapping[str, Sequence[float]]
    missing: Mapping[str, str] = field(factory=dict)
    details: Mapping[str, Any] = field(factory=dict)


def alternate(
    contestants: Iterable[Contestant], rounds: int, clock: Clock = time.process_time
) -> dict[str, list[float]]:
    """Let contestants take turns, so that what disturbs the machine disturbs all of them.

    Args:
        contestants: In the order of their turns.
        rounds: Turns of each.
        clock: Read before and after each turn, in seconds.

    Returns:
        The seconds of each turn, by contestant.
    """
    players = list(contestants)
    seconds: dict[str, list[float]] = {player.name: [] for player in players}
    for _ in range(rounds):
        for player in players:
            prepared = player.prepare()
            started = clock()
            player.work(prepared)
            seconds[player.name].append(clock() - started)
    return seconds


def shares(seconds: Mapping[str, Sequence[float]], count: int) -> dict[str, list[float]]:
    """Return seconds for each of so many clips, steps or the like."""
    return {name: [turn / count for turn in turns] for name, turns in seconds.items()}


def median(values: Sequence[float]) -> float:
    """Return the middle of what turns cost: what disturbed one of them does not count."""
    return statistics.median(values)


def cuda_clock() -> float:
    """Return the time in seconds once the GPU has done what it was given."""
    torch.cuda.synchronize()
    return time.perf_counter()
