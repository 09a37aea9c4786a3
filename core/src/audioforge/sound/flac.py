"""FLAC files frame by frame: where each recording of several begins, and where its sound ends.

The header states a length that a recorder may never have corrected, and nothing says where the last
frame ends but its checksum; a decoder stops at the stated length or, without a word, at what it
cannot read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from attrs import frozen

from audioforge.sound.splice import CutShortError, Piece, literal
from audioforge.sound.tags import after_tags

STREAM = b"fLaC\x00\x00\x00\x22"
"""How a FLAC file begins: its mark, and the header of a first block of 34 bytes."""
LAST_STREAM = b"fLaC\x80\x00\x00\x22"
"""The same, of a file without other blocks."""
TOTAL = 21
"""Where the first block keeps, in 36 bits, how many frames of sound there are."""
HEADER = 16
"""The most bytes that a frame's header has."""
BLOCK = 2**20
SYNCS = (b"\xff\xf8", b"\xff\xf9")
"""What a frame begins with: where each has as many samples, and where each may have others."""


def _table(polynomial: int, bits: int) -> list[int]:
    top, mask, table = 1 << bits - 1, (1 << bits) - 1, []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        table.append(value)
    return table


CRC_8, CRC_16 = _table(0x07, 8), _table(0x8005, 16)


@frozen
class _Frame:
    """A frame: where it begins, which of the frames (or samples) it is the first, its length.

    Its kind are the codes of its rate and of the bits of a sample, the same throughout a file:
    sound may happen to look like a frame, but hardly like one of these.
    """

    start: int
    number: int
    samples: int
    kind: tuple[int, int]


def joined_flac(file: IO[bytes], start: int, size: int) -> list[list[Piece]]:
    """Return the FLAC files of which a file is made from a byte on, each as its pieces.

    Raises:
        CutShortError: If frames are missing, or something else than frames and tags stands there.
    """
    starts = [start, *(at for at in _found(file, (STREAM, LAST_STREAM), start, size) if at > start)]
    ends = [*starts[1:], size]
    return [_pieces(file, a, b) for a, b in zip(starts, ends, strict=True)]


def _pieces(file: IO[bytes], start: int, end: int) -> list[Piece]:
    """Return one recording, with the length that it has in the place of the stated one."""
    file.seek(start)
    head = file.read(42)
    place = _after_blocks(file, start, end)
    total, last = 0, None
    for frame in _frames(file, place, end):
        total, last = total + frame.samples, frame
    if last is None:
        return [Piece(start, end)]
    stated = int.from_bytes(head[TOTAL : TOTAL + 5], "big") & 2**36 - 1
    _check_ends(file, last, end, f"{total} of {stated} frames are there")
    if total < stated:
        raise CutShortError(f"{total} of {stated} frames are there; the file is cut")
    if total == stated:
        return [Piece(start, end)]
    first = head[TOTAL] & 0xF0
    length = literal((first << 32 | total).to_bytes(5, "big"))
    return [Piece(start, start + TOTAL), length, Piece(start + TOTAL + 5, end)]


def _after_blocks(file: IO[bytes], start: int, end: int) -> int:
    place, more = start + 4, True
    while more and place < end:
        file.seek(place)
        head = file.read(4)
        more = not head[0] & 0x80
        place += 4 + int.from_bytes(head[1:], "big")
    return place


def _frames(file: IO[bytes], start: int, end: int) -> Iterator[_Frame]:
    """Yield the frames, of which each has the number that is due and goes on with the others."""
    file.seek(start)
    sync = file.read(2)
    if sync not in SYNCS:
        return
    first: _Frame | None = None
    last: _Frame | None = None
    for place in _found(file, (sync,), start, end):
        file.seek(place)
        frame = _read_header(file.read(HEADER), place)
        if frame is None:
            continue
        if first is None or last is None:
            first = frame
        else:
            counted = 1 if sync == SYNCS[0] else last.samples
            if frame.number != last.number + counted or frame.kind != first.kind:
                continue
            # Of frames with as many samples each only the last has others: this costs little.
            if sync == SYNCS[0] and frame.samples != first.samples:
                file.seek(last.start)
                if _crc(file.read(place - last.start), CRC_16, 16):
                    continue
        yield frame
        last = frame


def _read_header(head: bytes, place: int) -> _Frame | None:
    """Return the frame that bytes begin; None where they begin none."""
    if len(head) < 6 or head[3] & 1:
        return None
    ones = 8 - (head[4] ^ 0xFF).bit_length()  # as in UTF-8: how many bytes the number has
    if ones == 1 or ones == 8:
        return None
    number = head[4] & 0xFF >> ones + 1
    at = 4 + max(1, ones)
    for byte in head[5:at]:
        number = number << 6 | byte & 0x3F
    code, rate = head[2] >> 4, head[2] & 15
    wide = {6: 1, 7: 2}.get(code, 0)
    if code == 0:
        return None
    if wide:
        samples = int.from_bytes(head[at : at + wide], "big") + 1
    else:
        samples = 192 if code == 1 else 144 << code if code < 6 else 1 << code
    at += wide + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if _crc(head[: at + 1], CRC_8, 8):
        return None
    return _Frame(place, number, samples, (rate, head[3] & 0x0F))


def _check_ends(file: IO[bytes], last: _Frame, end: int, there: str) -> None:
    """Check that the last frame is whole, and that nothing but tags follows it."""
    file.seek(last.start)
    frame = file.read(min(end - last.start, BLOCK))
    value, ends = 0, []
    for at, byte in enumerate(frame, 1):
        value = (value << 8 & 0xFFFF) ^ CRC_16[value >> 8 ^ byte]
        if not value:
            ends.append(at)
    if any(after_tags(file, last.start + at, end) == end for at in reversed(ends)):
        return
    raise CutShortError(
        f"{there}, and the {end - last.start} bytes from byte {last.start} on are no whole frame; "
        f"the file is cut or damaged, or something else was written after it"
    )


def _crc(data: bytes, table: list[int], bits: int) -> int:
    value, mask = 0, (1 << bits) - 1
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> bits - 8 ^ byte]
    return value


def _found(file: IO[bytes], marks: tuple[bytes, ...], start: int, end: int) -> Iterator[int]:
    """Yield where marks, all of one length, stand between two bytes of a file."""
    place, more = start, len(marks[0]) - 1
    while place < end:
        file.seek(place)
        window = file.read(min(BLOCK + more, end - place))
        at = [found for mark in marks for found in _all(window, mark)]
        yield from (place + found for found in sorted(at))
        place += BLOCK


def _all(window: bytes, mark: bytes) -> Iterator[int]:
    at = window.find(mark)
    while at >= 0:
        yield at
        at = window.find(mark, at + 1)
