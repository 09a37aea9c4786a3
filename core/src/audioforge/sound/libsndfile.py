"""Sound that libsndfile decodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import soundfile

from audioforge.sound.headers import STREAMED
from audioforge.sound.splice import CutShortError, Splice

BLOCK_VALUES = 2**20
"""Samples times channels that are decoded at a time: 4 MB, however long the file is."""

UNKNOWN = 2**62
"""From here on, libsndfile's number of frames says that the file does not state any."""


CUT = (
    (re.compile(r"^(?:data|  Data Size  ) : (\d+) \(should be (\d+)\)", re.MULTILINE), "bytes"),
    (re.compile(r"from 'COMM' chunk \((\d+)\) not equal[^(]*\((\d+)\)"), "frames"),
)
"""How libsndfile's log of a header tells a WAV, AU or AIFF file that is shorter than it says; it
reads what is left as if it were whole."""


FACT = re.compile(r"^fact : \d+\n  frames  : (\d+)", re.MULTILINE)
"""How the log tells the length of a WAV file whose codec fills up its last blocks."""
FILLED_UP = 4096
"""Frames of such blocks: more than this, and the stated length is wrong."""
OF_BLOCKS = {"GSM610", "MS_ADPCM", "IMA_ADPCM", "G721_32", "NMS_ADPCM_16", "NMS_ADPCM_24"}


class _Steady(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read on where the last block ended.

    `soundfile` seeks after every read of a file in which it can: to where it is. GSM 6.10 and G.721
    cannot, and an MP3 decoder loses what it kept of the frames before.
    """

    def seekable(self) -> bool:
        """Say that nobody need seek."""
        return False


class NativeSound:
    """One recording.

    Args:
        source: The file's name, or the file itself.

    Attributes:
        samplerate: In Hz.
        frames: Length in frames.
        channels: Number of channels.

    Raises:
        CutShortError: If the file is shorter than its header says.
        soundfile.SoundFileError: If libsndfile cannot read it.
    """

    def __init__(self, source: str | bytes | Splice) -> None:
        """Open the file."""
        self._file = _Steady(source)
        self._seeks = soundfile.SoundFile.seekable(self._file)
        self.samplerate, self.channels = self._file.samplerate, self._file.channels
        self._source = source
        _check_whole(self._file.extra_info)
        self.frames = _without_filling(self._file)
        if self.frames >= UNKNOWN:
            self.frames = self._counted()

    def blocks(self, start: int, wanted: int) -> Iterator[np.ndarray]:
        """Yield the frames from `start` on, shape (frames, channels), until none are left."""
        size = max(1, BLOCK_VALUES // self.channels)
        dropped = 0
        if start and self._seeks:
            self._file.seek(start)
            dropped = start
        while dropped < start:
            skipped = len(self._read(min(size, start - dropped)))
            if not skipped:
                return
            dropped += skipped
        there = 0
        while there < wanted:
            block = self._read(min(size, wanted - there))
            if not len(block):
                return
            there += len(block)
            yield block

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, frames: int) -> np.ndarray:
        block: np.ndarray = self._file.read(frames, dtype="float32", always_2d=True)
        return block

    def _counted(self) -> int:
        """Return how many frames there are, by decoding them, and go back to the first."""
        size, frames = max(1, BLOCK_VALUES // self.channels), 0
        while read := len(self._read(size)):
            frames += read
        self._file.close()
        if not isinstance(self._source, str | bytes):
            self._source.seek(0)
        self._file = _Steady(self._source)
        return frames


def _without_filling(file: soundfile.SoundFile) -> int:
    frames: int = file.frames
    stated = FACT.search(file.extra_info) if file.subtype in OF_BLOCKS else None
    if stated is not None and 0 <= frames - int(stated[1]) <= FILLED_UP:
        return int(stated[1]) or frames
    return frames


def _check_whole(log: str) -> None:
    for pattern, unit in CUT:
        for stated, there in pattern.findall(log):
            if int(there) + 1 < int(stated) < STREAMED:
                raise CutShortError(f"{there} of {stated} {unit} are there; the file is cut")
