"""What a pool and its crew tell each other; no Ray here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from attrs import frozen

from audioforge.sample import AudioSample


@frozen
class Here:
    """A worker is there and can be given batches, for the first time or again.

    Attributes:
        worker: The worker.
        node: Where it is.
    """

    worker: int
    node: str


@frozen
class Done:
    """A worker did a batch.

    Attributes:
        worker: The worker.
        number: The number of the batch.
        result: What came of it.
        seconds: How long it worked on it.
        scored_on: The node on which another scored it; None where nobody else did.
        scoring_seconds: How long that took.
    """

    worker: int
    number: int
    result: Any
    seconds: float
    scored_on: str | None = None
    scoring_seconds: float = 0.0


@frozen
class Sampled:
    """A worker sampled a batch, and others are to score it: it has its hands free.

    Attributes:
        worker: The worker, which has the batch until it is done.
        number: The number of the batch.
    """

    worker: int
    number: int


@frozen
class Failed:
    """A batch cannot be done, whoever does it.

    Attributes:
        worker: The worker that tried.
        number: The number of the batch.
        error: Why.
    """

    worker: int
    number: int
    error: Exception


@frozen
class Back:
    """A worker has a batch no more, and it is not done.

    Attributes:
        worker: The worker, which is still there.
        number: The number of the batch.
        why: What was lost over it elsewhere; None where it had not been begun.
    """

    worker: int
    number: int
    why: str | None = None


@frozen
class Gone:
    """A worker is lost, and what it was given with it.

    Attributes:
        worker: The worker.
        why: The reason, as far as it is known.
        number: The batch that may be the reason; None where it is none, as when a node went away.
    """

    worker: int
    why: str
    number: int | None = None


@frozen
class ScorerGone:
    """A worker is lost who scored what others sampled; what it had comes back by `Back`.

    Attributes:
        node: The node that it was on.
    """

    node: str


Event = Here | Sampled | Done | Failed | Back | Gone | ScorerGone


class Crew(Protocol):
    """The workers, as the pool deals with them."""

    @property
    def lacks_scorers(self) -> bool:
        """Whether something waits to be scored, and nobody is there who scores."""

    def give(self, worker: int, number: int, batch: Sequence[AudioSample]) -> None:
        """Have a worker do a batch, after those that it has."""

    def take_back(self, worker: int, number: int) -> None:
        """Ask for a batch that the worker may not have begun: `Back` follows, or `Done`."""

    def end(self, worker: int) -> None:
        """Have a worker start anew: `Gone` follows, then `Here`."""

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what happened, waiting so long for something to happen."""
