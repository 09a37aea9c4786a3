"""Whether an executor brought back all that it was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from audioforge.errors import TrainingError
from audioforge.sample import AudioSample


def check_complete(
    batches: Sequence[Sequence[AudioSample]],
    done: Set[str],
    came_back: Iterable[str],
    what: str,
) -> None:
    """Check that something came back of every sample of every batch.

    Args:
        batches: What was to be done, in all processes.
        done: Ids that were done before, or came back in this process.
        came_back: Ids that came back, in all processes.
        what: What they are of, for the message.

    Raises:
        TrainingError: If something is missing.
    """
    asked = {sample.id for batch in batches for sample in batch}
    missing = asked.difference(done, came_back)
    if missing:
        raise TrainingError(
            f"{what}: of {len(asked):,} clips that were asked for {len(missing):,} did not come "
            f"back, such as {min(missing)!r}. Choose another --executor; what came back is written "
            f"down, and --resume goes on from there."
        )
