"""What is known of one group of workers of an update: who came, what failed, why it ended."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.errors import AudioForgeError, TrainingError, describe
from audioforge_ray.failure import Failure
from audioforge_ray.mailbox import Letter


class Attempt:
    """One group of workers, from its start to its end.

    Attributes:
        arrived: Nodes of the workers that were there, by rank.
        failures: What failed in workers.
        stopped_by: The signal that they stopped by, or None.
    """

    def __init__(self) -> None:
        """Nobody is there yet."""
        self.arrived: dict[int, str] = {}
        self.failures: list[Failure] = []
        self.stopped_by: int | None = None

    def read(self, letters: Sequence[Letter]) -> None:
        """Note what the workers told; what is not about the group itself is passed over."""
        for what, particulars in letters:
            if what == "arrived":
                self.arrived[particulars["rank"]] = particulars["node"]
            elif what == "failed":
                self.failures.append(Failure(**particulars))
            elif what == "interrupted":
                self.stopped_by = particulars["number"]

    def has_begun(self) -> bool:
        """Return whether a worker is there."""
        return bool(self.arrived)

    @property
    def is_final(self) -> bool:
        """Whether the work itself failed, and would fail again."""
        return any(failure.is_final for failure in self.failures)

    def cause(self, error: BaseException, wanted: str) -> AudioForgeError | OSError:
        """Return the error that says why the group ended.

        Args:
            error: What Ray says, which knows nothing of the work.
            wanted: What was asked of the cluster.
        """
        for failure in sorted(self.failures, key=lambda failure: not failure.is_final):
            if not failure.is_lost:  # which another's failure caused
                return failure.error()
        if not self.has_begun():
            return TrainingError(
                f"{wanted} could not start ({_shortened(error)}). Add nodes, or ask for less in "
                f"--executor, and go on"
            )
        silent = sorted(set(self.arrived) - {failure.rank for failure in self.failures})
        who = ", ".join(f"{rank} on {self.arrived[rank]}" for rank in silent)
        if not who:
            return TrainingError(f"the update's workers lost each other ({_shortened(error)})")
        return TrainingError(f"lost of the update's workers: {who}; killed, or the node is gone")


def _shortened(error: BaseException, most: int = 300) -> str:
    text = describe(error)
    return text if len(text) <= most else f"{text[:most]}…"
