"""A file made of pieces of another: what a decoder is handed in the place of a joined file."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import IO

from attrs import frozen


class CutShortError(ValueError):
    """A file ends before its sound does, or holds more than is read of it."""


@frozen
class Piece:
    """A range of bytes of a file, or bytes that stand for themselves.

    Attributes:
        start: First byte.
        end: The byte after the last.
        instead: The bytes, if the piece is no part of the file; `start` is 0 then.
    """

    start: int
    end: int
    instead: bytes | None = None


def literal(data: bytes) -> Piece:
    """Return a piece of bytes that stand for themselves."""
    return Piece(0, len(data), data)


class Splice(io.RawIOBase):
    """The pieces of a file one after the other, to read and to seek in.

    A damaged header may send a decoder anywhere. It is called from C, where an error would be
    printed with its traceback and go on; so a place that cannot be leaves the file where it is.

    Args:
        file: The file; not closed with the splice.
        pieces: What of it is there.
    """

    def __init__(self, file: IO[bytes], pieces: Sequence[Piece]) -> None:
        """Create the splice."""
        self._file, self._pieces = file, [p for p in pieces if p.end > p.start]
        self._ends = list(accumulate(piece.end - piece.start for piece in self._pieces))
        self._length = self._ends[-1] if self._ends else 0
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that any place can be gone to."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, if there can be such a place."""
        there = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence, self._length)
        if 0 <= there < 2**63:
            self._at = there
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes; all that follow if it is below 0."""
        there = max(0, self._length - self._at)
        wanted = there if size is None or size < 0 else min(size, there)
        found = []
        while wanted > 0:
            index = bisect_right(self._ends, self._at)
            piece, left = self._pieces[index], self._ends[index] - self._at
            part = self._read(piece, piece.end - left, min(wanted, left))
            if not part:  # the file has become shorter
                break
            found.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(found)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer, and return how many bytes there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, piece: Piece, start: int, size: int) -> bytes:
        if piece.instead is not None:
            return piece.instead[start : start + size]
        self._file.seek(start)
        return self._file.read(size)
