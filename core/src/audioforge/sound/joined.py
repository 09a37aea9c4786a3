"""An open sound file, and several recordings that were joined in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Protocol

import numpy as np


class Sound(Protocol):
    """An open file.

    Attributes:
        samplerate: In Hz.
        frames: Length in frames.
        channels: Number of channels; of a file of several recordings, of the first.
    """

    samplerate: int
    frames: int
    channels: int

    def blocks(self, start: int, wanted: int) -> Iterator[np.ndarray]:
        """Yield float32 frames from `start` on, shape (frames, channels), until none are left."""

    def close(self) -> None:
        """Close the file."""


class JoinedSound:
    """Several recordings one after the other, as if they were one.

    Args:
        recordings: The recordings; at least one.
        file: What they are pieces of; closed with them.

    Attributes:
        samplerate: In Hz.
        frames: Length in frames.
        channels: Number of channels of the first.

    Raises:
        ValueError: If their sampling rates differ.
    """

    def __init__(self, recordings: Sequence[Sound], file: IO[bytes]) -> None:
        """Take the recordings."""
        rates = sorted({recording.samplerate for recording in recordings})
        if len(rates) > 1:
            raise ValueError(
                f"{len(recordings)} recordings were joined in it, at "
                f"{' and '.join(f'{rate} Hz' for rate in rates)}; keep each in a file of its own"
            )
        self._recordings, self._file = recordings, file
        self.samplerate, self.channels = rates[0], recordings[0].channels
        self.frames = sum(recording.frames for recording in recordings)

    def blocks(self, start: int, wanted: int) -> Iterator[np.ndarray]:
        """Yield the frames from `start` on, shape (frames, channels of the recording)."""
        for recording in self._recordings:
            here = max(0, min(wanted, recording.frames - start))
            if here:
                there = 0
                for block in recording.blocks(start, here):
                    there += len(block)
                    yield block
                if there < here:
                    return
            wanted -= here
            start = max(0, start - recording.frames)

    def close(self) -> None:
        """Close every recording, and the file."""
        for recording in self._recordings:
            recording.close()
        self._file.close()
