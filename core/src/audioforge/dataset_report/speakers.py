"""Who speaks in a dataset, and of how many clips nobody knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from audioforge.sample import AudioSample, Problem


@define
class Speakers:
    """Speakers with their clips.

    Attributes:
        clips: Number of clips by speaker.
        unknown: How many clips state none.
    """

    clips: Counter[str] = field(factory=Counter)
    unknown: int = 0
    _first_unknown: str | None = field(default=None, init=False)

    def add(self, sample: AudioSample) -> None:
        """Count a clip; a blank name is none."""
        if sample.speaker and sample.speaker.strip():
            self.clips[sample.speaker] += 1
            return
        self.unknown += 1
        self._first_unknown = self._first_unknown or sample.place

    def problems(self) -> Iterator[Problem]:
        """Yield that some clips have no speaker, where others have one."""
        if not self.clips or self._first_unknown is None:
            return
        total = self.clips.total() + self.unknown
        yield Problem(
            self._first_unknown,
            f"{self.unknown} of {total} clips state no speaker, this one first: they could be "
            f"anybody's, so they are trained on even where their speaker is held out; state it",
            "no speaker",
        )

    def to_json(self) -> dict[str, Any]:
        """Return how many there are, who has most clips, and how many clips state none."""
        largest = self.clips.most_common(1)
        return {
            "speakers": len(self.clips),
            "largest_speaker": {"speaker": largest[0][0], "clips": largest[0][1]}
            if largest
            else None,
            "without_speaker": self.unknown,
        }
