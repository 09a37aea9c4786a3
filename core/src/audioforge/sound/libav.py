"""Sound that PyAV decodes: M4A, AAC, WebM, videos and telephones' formats.

PyAV's wheels bring FFmpeg's libraries along; no program is started, and a file is read through
Python by the demuxer that its first bytes ask for, so that nothing in it can name another file or
address.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from audioforge.files.paths import open_regular
from audioforge.sound.kinds import Kind
from audioforge.sound.splice import CutShortError, Piece, Splice
from audioforge.sound.tags import check_only_tags_follow

PREROLL_SECONDS = 1.0
"""What is decoded before a place that is gone to, and dropped: decoders need what came before."""
BLOCK_FRAMES = 2**16
"""Frames that are handed on together; a decoder gives about a thousand."""
MOST_ADDED = 4096
"""Frames that a codec may have added at the end; more, and the stated length is of a part."""
MISSING_SECONDS = 0.15
"""By how much less than stated may be there: containers count what a decoder needs first, in ms."""


def has_av() -> bool:
    """Say whether PyAV is installed."""
    return find_spec("av") is not None


class AvSound:
    """The first sound track of a file.

    Its length is found by decoding, once for each file of a path: containers state it in
    thousandths of a second, with what the codec adds, or not at all.

    Args:
        file: The file; not closed with the sound.
        kind: What it is.
        piece: Which of its bytes are the recording.
        path: Where it is; None for a file in memory.

    Attributes:
        samplerate: In Hz.
        frames: Length in frames.
        channels: Number of channels.

    Raises:
        ValueError: If the file cannot be read, has no sound, or is cut.
    """

    def __init__(self, file: IO[bytes], kind: Kind, piece: Piece, path: Path | None) -> None:
        """Open the file."""
        self._file, self._kind = Splice(file, [piece]), kind
        self._container = _open(self._file, kind)
        first = next(_decoded(self._container), None)
        if first is None:
            raise ValueError("its sound track is empty")
        self.samplerate, self.channels = int(first.sample_rate), len(first.layout.channels)
        self._first_pts = first.pts or 0
        if path is None:
            self.frames = _counted(self._file, kind)
            self._begin_anew()
        else:
            status = path.stat()
            name = os.fspath(path.absolute())
            self.frames = _counted_once(name, status.st_size, status.st_mtime_ns, kind, piece)
        self._heed_stated()

    def blocks(self, start: int, wanted: int) -> Iterator[np.ndarray]:
        """Yield the frames from `start` on, shape (frames, channels), until none are left.

        Raises:
            ValueError: If the file is damaged, or changes its sampling rate.
        """
        waiting: list[np.ndarray] = []
        held, left = 0, wanted
        place = self._go_to(start)
        for frame in _decoded(self._container):
            if frame.sample_rate != self.samplerate:
                raise ValueError("its sampling rate changes on the way")
            place = self._place_of(frame) if place is None else place
            values = _as_floats(frame)
            kept = values[max(0, start - place) :][:left]
            place += len(values)
            waiting.append(kept)
            held, left = held + len(kept), left - len(kept)
            if held >= BLOCK_FRAMES or (held and not left):
                yield np.concatenate(waiting)
                waiting, held = [], 0
            if not left:
                return
        if held:
            yield np.concatenate(waiting)

    def close(self) -> None:
        """Close what decodes the file."""
        self._container.close()

    def _heed_stated(self) -> None:
        """Leave out what the codec added, where that is known; see that nothing is missing."""
        track = self._container.streams.audio[0]
        seconds: float | None = None
        if track.duration is not None:
            seconds = float(track.duration * track.time_base)
        elif self._container.duration is not None and not self._container.streams.video:
            seconds = self._container.duration / 1e6
        if seconds is None or not self._kind.states_length:
            return
        if self.frames < (seconds - MISSING_SECONDS) * self.samplerate:
            there = self.frames / self.samplerate
            raise CutShortError(f"{there:.2f} of {seconds:.2f} s are there; the file is cut")
        stated = round(seconds * self.samplerate)
        if self._kind.trims and 0 < self.frames - stated <= MOST_ADDED:
            self.frames = stated

    def _begin_anew(self) -> None:
        self._container.close()
        self._container = _open(self._file, self._kind)

    def _go_to(self, start: int) -> int | None:
        """Go to a place somewhat before a frame; return which, or None where the next one tells."""
        before = start / self.samplerate - PREROLL_SECONDS
        if not self._kind.seeks or before < PREROLL_SECONDS:
            self._begin_anew()
            return 0
        track = self._container.streams.audio[0]
        self._container.seek(self._first_pts + int(before / track.time_base), stream=track)
        return None

    def _place_of(self, frame: Any) -> int:
        if frame.pts is None:
            raise ValueError("it does not say when its sound is played; convert it to FLAC")
        return round(float((frame.pts - self._first_pts) * frame.time_base) * self.samplerate)


def _open(file: Splice, kind: Kind) -> Any:
    av = import_module("av")
    file.seek(0)
    try:
        container = av.open(file, format=kind.demuxer, metadata_errors="replace")
    except av.FFmpegError as error:
        raise ValueError(f"it is cut or damaged ({error.strerror})") from error
    if not container.streams.audio:
        container.close()
        raise ValueError(f"{kind.name} without a sound track")
    return container


def _decoded(container: Any) -> Iterator[Any]:
    av = import_module("av")
    try:
        for frame in container.decode(container.streams.audio[0]):
            if frame.samples:
                yield frame
    except av.FFmpegError as error:
        raise ValueError(f"it is cut or damaged ({error.strerror})") from error


def _counted(file: Splice, kind: Kind) -> int:
    """Return the number of frames of a recording.

    Raises:
        CutShortError: If something else than a tag follows its last packet.
        ValueError: If it is damaged.
    """
    with _open(file, kind) as container:
        frames = sum(int(frame.samples) for frame in _decoded(container))
    if kind.counted_to_end:
        with _open(file, kind) as container:
            packets = container.demux(container.streams.audio[0])
            end = max((packet.pos + packet.size for packet in packets if packet.size), default=0)
        check_only_tags_follow(file, end, file.seek(0, io.SEEK_END))
    return frames


@lru_cache(maxsize=4096)
def _counted_once(path: str, size: int, changed_ns: int, kind: Kind, piece: Piece) -> int:
    """Return a recording's number of frames; size and time say that the file is still the same."""
    with open_regular(Path(path)) as file:
        return _counted(Splice(file, [piece]), kind)


def _as_floats(frame: Any) -> np.ndarray:
    """Return a decoded frame's samples as float32, shape (frames, channels), full scale 1."""
    values: np.ndarray = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(-1, len(frame.layout.channels))
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128) / 128
    if values.dtype.kind == "i":
        return values.astype(np.float32) / np.float32(-float(np.iinfo(values.dtype).min))
    return np.asarray(values, np.float32)
