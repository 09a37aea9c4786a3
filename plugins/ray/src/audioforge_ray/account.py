"""What each node did of a stage."""

from __future__ import annotations

from attrs import define


@define
class NodeAccount:
    """What one node did of a stage.

    Attributes:
        node: The node.
        workers: How many workers it had at once, at most.
        batches: Batches whose results were taken from it.
        clips: Clips in them.
        seconds: How long its workers worked, added up; what was done in vain is in it.
        failures: How often a worker was lost there, one that scores among them.
        repeated: Batches that it did and that another had done before.
        scoring_seconds: How long those worked there, added up, who score what others sampled.
        elapsed: How long the stage took, in seconds.
    """

    node: str
    workers: int = 0
    batches: int = 0
    clips: int = 0
    seconds: float = 0.0
    failures: int = 0
    repeated: int = 0
    scoring_seconds: float = 0.0
    elapsed: float = 0.0

    @property
    def busy(self) -> float:
        """The part of the stage that its workers worked, from 0 to 1."""
        offered = self.elapsed * max(self.workers, 1)
        return min(self.seconds / offered, 1.0) if offered else 0.0

    def describe(self) -> str:
        """Return one line.

        >>> NodeAccount("gpu-1", workers=2, clips=1200, seconds=90.0, elapsed=60.0).describe()
        'gpu-1: 1,200 clips, 2 workers busy for 75 % of 60 s'
        """
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        parts = [
            f"{self.clips:,} clips",
            f"{workers} busy for {self.busy:.0%} of {self.elapsed:.0f} s".replace("%", " %"),
        ]
        if not self.workers and (self.scoring_seconds or self.failures):
            parts.clear()  # who scores there is not among them
        if self.scoring_seconds:
            parts.append(f"scored for {self.scoring_seconds:.0f} s")
        if self.failures:
            parts.append(f"{self.failures} lost")
        if self.repeated:
            parts.append(f"{self.repeated} batches done twice")
        return f"{self.node}: {', '.join(parts)}"
