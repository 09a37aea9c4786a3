"""WAV, AIFF, AU and W64 files: where the header says that the sound ends, and what follows.

A recorder that is switched off leaves a length that is too small, a pipe one that is 0 or as large
as it can be, and `cat a.wav b.wav` a file of which a decoder reads the first part.
"""

from __future__ import annotations

from typing import IO

from attrs import evolve

from audioforge.sound.splice import CutShortError, Piece, literal
from audioforge.sound.tags import check_only_tags_follow

STREAMED = 0x7FFF_0000
"""From this size on, a header only says that its writer did not know it."""
W64_GUID = b"riff\x2e\x91\xcf\x11"
OTHERS = (b"RIFF", b"RF64", b"FORM", b"OggS", b"fLaC", b"caff")
"""What begins a file and, in a WAV file, no chunk."""


def joined_by_header(file: IO[bytes], start: int, size: int) -> list[list[Piece]]:
    """Return the recordings of a file whose header states their length, each as its pieces.

    Args:
        file: A WAV, AIFF, AU or W64 file.
        start: Where it begins.
        size: Its length in bytes.

    Raises:
        CutShortError: If anything but tags and padding follows the stated end.
    """
    recordings: list[list[Piece]] = []
    while start < size:
        file.seek(start)
        magic = file.read(4)
        pieces, end = _recording(file, start, size)
        file.seek(end)
        after = file.read(5)
        if after[:1] == b"\0" and after[1:5] == magic:  # a pad byte is not part of the length
            end += 1
        elif after[:4] != magic:
            check_only_tags_follow(file, end, size)
            last = evolve(pieces[-1], end=size)  # with what else stands there
            return [*recordings, [*pieces[:-1], last]]
        recordings.append(pieces)
        start = end
    return recordings


def _recording(file: IO[bytes], start: int, size: int) -> tuple[list[Piece], int]:
    """Return the pieces of the recording that begins at a byte, and where it ends."""
    file.seek(start)
    head = file.read(128)
    if head.startswith(b"RIFF"):
        return _wav(file, start, size)
    if head.startswith(b"FORM"):
        length = 8 + int.from_bytes(head[4:8], "big")
    elif head.startswith(b".snd"):
        length = int.from_bytes(head[4:8], "big") + int.from_bytes(head[8:12], "big")
    elif head.startswith(W64_GUID):
        length = int.from_bytes(head[16:24], "little")
    elif head.startswith(b"RF64"):
        length = 8 + int.from_bytes(head[20:28], "little")
    else:
        return [Piece(start, size)], size
    end = start + length
    if size < end < STREAMED and head.startswith(
        (W64_GUID, b"RF64")
    ):  # libsndfile says it of others
        raise CutShortError(f"{size} of {end} bytes are there; the file is cut")
    if not start + 12 < end < size or length >= STREAMED:
        end = size
    return [Piece(start, end)], end


def _wav(file: IO[bytes], start: int, size: int) -> tuple[list[Piece], int]:
    """Return a WAV recording by its chunks; the length of the whole is often not filled in."""
    place, data = start + 12, None
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if name in OTHERS or not _is_name(name):
            break
        end = place + 8 + length + length % 2
        if length % 2 and _is_unpadded(file, end - 1, size):
            end -= 1
        if name == b"data":
            if length >= STREAMED:
                return [Piece(start, size)], size
            if (there := size - place - 8) + 1 < length:
                raise CutShortError(f"{there} of {length} bytes are there; the file is cut")
            if length == 0 and not _chunks_follow(file, place + 8, size):
                stated = min(size - place - 8, 0xFFFF_FFFF).to_bytes(4, "little")
                return [Piece(start, place + 4), literal(stated), Piece(place + 8, size)], size
            data = end
        elif end - length % 2 > size:
            break
        place = end
    if data is None:
        return [Piece(start, size)], size
    return [Piece(start, min(place, size))], min(place, size)


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _is_unpadded(file: IO[bytes], place: int, size: int) -> bool:
    """Whether the next chunk begins where the pad byte of an odd one belongs, or the file ends."""
    file.seek(place)
    name = file.read(4)
    return place >= size or (name[:1] != b"\0" and _is_name(name))


def _chunks_follow(file: IO[bytes], place: int, size: int) -> bool:
    """Whether chunks, or nothing, stand at a place up to the end of the file."""
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        if not _is_name(head[:4]):
            return False
        length = int.from_bytes(head[4:], "little")
        place += 8 + length + length % 2
    return place <= size + 1
