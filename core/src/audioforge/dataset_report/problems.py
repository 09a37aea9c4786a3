"""Problems of a dataset, counted by kind, the first of each kind by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from audioforge.sample import Problem

NAMED_OF_A_KIND = 10
"""How many problems of a kind are named, so that many of one kind hide no other."""


@define
class Problems:
    """What was found wrong.

    Attributes:
        kinds: Number of problems by kind.
        first: The first of each kind, in the order in which they were found.
    """

    kinds: Counter[str] = field(factory=Counter)
    first: list[Problem] = field(factory=list)

    def add(self, problem: Problem) -> None:
        """Count one."""
        self.kinds[problem.kind] += 1
        if self.kinds[problem.kind] <= NAMED_OF_A_KIND:
            self.first.append(problem)

    def with_those(self, others: Iterable[Problem]) -> Problems:
        """Return these and others."""
        both = Problems(Counter(self.kinds), list(self.first))
        for problem in others:
            both.add(problem)
        return both

    def without(self, kind: str) -> Problems:
        """Return all but those of a kind."""
        kinds = Counter({other: n for other, n in self.kinds.items() if other != kind})
        return Problems(kinds, [problem for problem in self.first if problem.kind != kind])

    def to_json(self) -> dict[str, Any]:
        """Return them as plain values."""
        return {
            "n": self.kinds.total(),
            "kinds": dict(self.kinds.most_common()),
            "first": [{"where": p.where, "reason": p.reason, "kind": p.kind} for p in self.first],
        }
