"""What could not be used: one policy for it, each named once, counted, and found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from attrs import define, field

from audioforge.errors import DatasetError
from audioforge.sample import Problem


@define
class SkipLog:
    """What was left out, each named once.

    Attributes:
        on_error: "skip" to leave out what cannot be used, "fail" to stop at the first.
        problems: What was left out, by its place and kind.
    """

    on_error: str = "skip"
    problems: dict[str, Problem] = field(factory=dict)

    def add(self, problem: Problem) -> None:
        """Write down a problem.

        Raises:
            DatasetError: Under the policy "fail".
        """
        if self.on_error == "fail":
            raise DatasetError(f"{problem} (--on-error skip leaves such items out)")
        self.recall(problem)

    def recall(self, problem: Problem) -> None:
        """Take over a problem that was met before, in another process or before a resume."""
        self.problems.setdefault(f"{problem.where} {problem.kind}", problem)

    def share(self, gather: Callable[[list[Problem]], list[Problem]]) -> None:
        """Take over what the other processes skipped.

        Args:
            gather: Joins the lists of all processes.
        """
        for problem in gather(list(self.problems.values())):
            self.recall(problem)

    def describe(self, total: int) -> str | None:
        """Return one line that counts what was left out by kind and names the first, or None.

        Args:
            total: How many items there were in all.
        """
        if not self.problems:
            return None
        kinds = Counter(p.kind for p in self.problems.values())
        counted = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        first = next(iter(self.problems.values()))
        return f"skipped {len(self.problems)} of {total}: {counted} (first: {first})"


def problem_line(sample_id: str, problem: Problem) -> dict[str, str]:
    """Return a problem of a sample as a journal holds it."""
    return {"id": sample_id, "where": problem.where, "kind": problem.kind, "reason": problem.reason}


def problem_of(line: Mapping[str, str]) -> tuple[str, Problem]:
    """Return the sample id and the problem that `problem_line` was given."""
    return line["id"], Problem(line["where"], line["reason"], line["kind"])
