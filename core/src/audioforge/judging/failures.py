"""Counting what verifiers failed on, and the end of a run in which it is too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from attrs import define, field

from audioforge.errors import VerifierError
from audioforge.sample import Rollout
from audioforge.terminal.figures import small_percent

FEW_HYPOTHESES = 100
"""Before a verifier was given as many, one failure says little about how often it fails."""
TEXTS_SHOWN = 3
MOST_TEXTS = 1000
"""Different texts that are counted apart, so that texts that never repeat do not fill memory."""
OTHERS = "other errors"
ID_CHARACTERS = 100

Count = tuple[str, int, int, list[tuple[str, int, str]]]
"""Verifier id, hypotheses given, hypotheses failed on; each error text, how often, and the first
sample that it happened on. Plain, so that it can be sent to other processes."""


@define
class _Tally:
    given: int = 0
    failed: int = 0
    texts: Counter[str] = field(factory=Counter)
    first: dict[str, str] = field(factory=dict)

    def add(self, text: str, times: int, sample_id: str) -> None:
        key = text if text in self.texts or len(self.texts) < MOST_TEXTS else OTHERS
        self.failed += times
        self.texts[key] += times
        self.first.setdefault(key, sample_id)

    def describe(self, identity: str) -> str:
        rate = small_percent(self.failed / self.given)
        most = "; ".join(
            f"{count:,} × {text} (first: sample '{self.first[text]:.{ID_CHARACTERS}}')"
            for text, count in self.texts.most_common(TEXTS_SHOWN)
        )
        return (
            f"verifier '{identity}' failed on {self.failed:,} of {self.given:,} hypotheses "
            f"({rate}): {most}"
        )


class Failures:
    """How often each verifier failed, and on what.

    Args:
        max_failures: The part of what a verifier was given that it may fail on.
    """

    def __init__(self, max_failures: float) -> None:
        """Start with nothing."""
        self._max_failures = max_failures
        self._tallies: dict[str, _Tally] = {}

    def add(self, identity: str, sample_id: str, error: str | None) -> None:
        """Count one hypothesis.

        Args:
            identity: Id of the verifier that it was given to.
            sample_id: Id of the sample that the hypothesis is of.
            error: Why the verifier failed; None if it did not.
        """
        tally = self._tallies.get(identity)
        if tally is None:
            tally = self._tallies[identity] = _Tally()
        tally.given += 1
        if error is not None:
            tally.add(error, 1, sample_id)

    def recall(self, rollout: Rollout) -> None:
        """Count a rollout that was scored before an interruption."""
        for hypothesis in rollout.hypotheses:
            for identity, score in hypothesis.scores.items():
                self.add(identity, rollout.sample.id, score.error)

    def counts(self) -> list[Count]:
        """Return everything that was counted, for other processes to add up."""
        return [
            (identity, t.given, t.failed, [(text, n, t.first[text]) for text, n in t.texts.items()])
            for identity, t in self._tallies.items()
        ]

    def describe(self, counts: Iterable[Count] | None = None) -> list[str]:
        """Return a sentence for each verifier that failed.

        Args:
            counts: What each process counted; None for what was counted in this one.
        """
        tallies = self._tallies if counts is None else _merged(counts)
        return [tally.describe(i) for i, tally in tallies.items() if tally.failed]

    def check(self, *, at_end: bool = False, counts: Iterable[Count] | None = None) -> None:
        """Stop when a verifier failed too often.

        Args:
            at_end: Judge also what only a few hypotheses were given to.
            counts: What each process counted; None for what was counted in this one.

        Raises:
            VerifierError: Saying what failed most.
        """
        tallies = self._tallies if counts is None else _merged(counts)
        problems = [t.describe(i) for i, t in tallies.items() if self._is_too_much(t, at_end)]
        if problems:
            text = "\n".join(problems)
            raise VerifierError(
                f"{text}\nThat is more than --max-verifier-failures {self._max_failures:g} allows. "
                f"Mend the verifier or leave it out, or raise the limit: what a verifier fails on "
                f"is left without a reward."
            )

    def _is_too_much(self, tally: _Tally, at_end: bool) -> bool:
        if tally.failed <= self._max_failures * tally.given:
            return False
        return at_end or not self._max_failures or tally.given >= FEW_HYPOTHESES


def _merged(counts: Iterable[Count]) -> Mapping[str, _Tally]:
    tallies: dict[str, _Tally] = {}
    for identity, given, _, texts in counts:
        tally = tallies.setdefault(identity, _Tally())
        tally.given += given
        for text, times, sample_id in texts:
            tally.add(text, times, sample_id)
    return tallies
