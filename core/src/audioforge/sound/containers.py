"""MP4, Matroska, WMA, FLV, AVI, WavPack and CAF: where each recording of a joined file begins.

Such a file is boxes (elements, objects, tags, chunks) one after the other, each with its length. A
decoder that opens `cat a.m4a b.m4a` reads up to the first recording's end, without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from attrs import evolve, frozen

from audioforge.sound.headers import STREAMED
from audioforge.sound.splice import CutShortError, Piece
from audioforge.sound.tags import after_tags

HEAD = 32
"""Bytes of a box that are looked at: its name and its length."""
PADDING = 4
"""Bytes that may be missing at the end: a pad byte, or the length before it."""
SEGMENT, CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
"""Elements of Matroska whose length may be unknown, as of one that is written live."""
EBML = b"\x1a\x45\xdf\xa3"
ELEMENTS = (
    *(EBML, SEGMENT, CLUSTER, b"\x1c\x53\xbb\x6b", b"\x12\x54\xc3\x67", b"\x11\x4d\x9b\x74"),
    *(b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x10\x43\xa7\x70", b"\x19\x41\xa4\x69"),
    *(b"\xec", b"\xbf", b"\xe7", b"\xa3", b"\xa0", b"\xa7", b"\xab", b"\xaf", b"\x58\x54"),
)
"""What stands in Matroska at the top, in a segment or in a cluster."""
ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"
ASF_DATA = b"\x36\x26\xb2\x75"
OBJECTS = (ASF[:4], ASF_DATA, b"\x90\x08\x00\x33", b"\xd3\x29\xe2\xd6", b"\xf8\x03\xb1\xfe")
"""What stands in WMA: the header, the sound, and indices."""


@frozen
class Container:
    """How a kind of file is divided.

    Attributes:
        begins: Says whether a box, given its first bytes, begins a recording.
        length: Returns the length in bytes of a box from its first bytes and how many are left of
            the file; 0 where they begin none.
        index: The name, and its place in a box, of what a recording has one of.
    """

    begins: Callable[[bytes], bool]
    length: Callable[[bytes, int], int]
    index: tuple[int, bytes] | None = None


def joined_container(
    file: IO[bytes], start: int, size: int, container: Container
) -> list[list[Piece]]:
    """Return the recordings that a file is made of, each as its pieces.

    Args:
        file: The file.
        start: Where it begins.
        size: Its length in bytes.
        container: What it is.

    Raises:
        CutShortError: If the file is cut, something else than a box or a tag stands in it, or two
            recordings that cannot be told apart.
    """
    pieces, place, indices = [Piece(start, size)], start, 0
    while place < size:
        file.seek(place)
        head = file.read(HEAD)
        if place > pieces[-1].start and container.begins(head):
            pieces.append(Piece(place, size))
            indices = 0
        if container.index is not None and head.startswith(container.index[1], container.index[0]):
            indices += 1
        if indices > 1:
            raise CutShortError(
                f"a second recording, which is not read, has its index at byte {place} of {size}; "
                f"keep each in a file of its own"
            )
        length = container.length(head, size - place)
        if length > 0:
            place += length
            pieces[-1] = evolve(pieces[-1], end=min(place, size))
        else:
            place += _of_tags(file, place, size, container)
    if place > size + PADDING:
        raise CutShortError(f"{size} of {place} bytes are there; the file is cut")
    return [[piece] for piece in pieces]


def _of_tags(file: IO[bytes], place: int, size: int, container: Container) -> int:
    end = after_tags(file, place, size)
    file.seek(end)
    if end < size and (end == place or not container.begins(file.read(HEAD))):
        raise CutShortError(
            f"the {size - end} bytes from byte {end} on are no part of it; the file is damaged or "
            f"something else was written after it"
        )
    return end - place


def _mp4_length(head: bytes, left: int) -> int:
    if len(head) < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in head[4:8]):
        return 0
    length = int.from_bytes(head[:4], "big")
    if length == 1:
        length = int.from_bytes(head[8:16], "big")
    return left if length == 0 else length if length >= 8 else 0


def _matroska_length(head: bytes, _left: int) -> int:
    """Return an element's length; only of its header, where its own is not known."""
    name = 9 - head[0].bit_length()
    if name > 4 or len(head) <= name:
        return 0
    digits = 9 - head[name].bit_length()
    if digits > 8 or head[:name] not in ELEMENTS:
        return 0
    value = int.from_bytes(head[name : name + digits], "big") & (1 << 7 * digits) - 1
    if value == (1 << 7 * digits) - 1:
        return name + digits if head[:name] in (SEGMENT, CLUSTER) else 0
    return name + digits + value


def _asf_length(head: bytes, left: int) -> int:
    length = int.from_bytes(head[16:24], "little")
    if head.startswith(ASF_DATA) and length <= 50:  # written live
        return left
    return length if length >= 24 and head.startswith(OBJECTS) else 0


def _flv_length(head: bytes, _left: int) -> int:
    if head.startswith(b"FLV"):
        return int.from_bytes(head[5:9], "big") + 4
    if head[0] & 0x1F not in (8, 9, 18) or head[8:11] != bytes(3):
        return 0
    return 11 + int.from_bytes(head[1:4], "big") + 4


def _avi_length(head: bytes, left: int) -> int:
    length = int.from_bytes(head[4:8], "little")
    if not head.startswith(b"RIFF"):
        return 0
    return 8 + length + length % 2 if 0 < length < STREAMED else left


def _begins_wavpack(head: bytes) -> bool:
    """Whether a block is the first of its recording, and of its channels."""
    return len(head) == HEAD and head[16:20] == bytes(4) and bool(head[25] & 8)


def _wavpack_length(head: bytes, _left: int) -> int:
    return 8 + int.from_bytes(head[4:8], "little") if head.startswith(b"wvpk") else 0


def _caf_length(head: bytes, left: int) -> int:
    if head.startswith(b"caff"):
        return 8
    if len(head) < 12 or not all(32 <= byte < 127 for byte in head[:4]):
        return 0
    length = int.from_bytes(head[4:12], "big", signed=True)
    return left if length == -1 else 12 + max(length, -12)


CAF = Container(lambda head: head.startswith(b"caff\0"), _caf_length)
CONTAINERS = {
    "mov": Container(lambda head: head[4:8] == b"ftyp", _mp4_length, (4, b"moov")),
    "matroska": Container(lambda head: head.startswith(EBML), _matroska_length),
    "asf": Container(lambda head: head.startswith(ASF), _asf_length),
    "flv": Container(lambda head: head.startswith(b"FLV\x01"), _flv_length),
    "wv": Container(_begins_wavpack, _wavpack_length),
    "avi": Container(lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ", _avi_length),
}
"""How the files are divided that PyAV decodes, by the name of its demuxer."""
