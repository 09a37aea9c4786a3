"""What may stand after the sound of a file and is none: tags and padding."""

from __future__ import annotations

from typing import IO

from audioforge.sound.splice import CutShortError, Splice

SEARCHED = 2**16
"""Bytes that are looked at together for padding."""
CHUNKS = (b"LIST", b"id3 ")
"""Chunks that taggers write behind the last one."""


def id3_length(head: bytes) -> int:
    """Return the length in bytes of the ID3 tag that ten bytes begin; 0 where they begin none."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    a, b, c, d = head[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if head[5] & 0x10 else 0)


def tag_or_padding(file: IO[bytes] | Splice, place: int, size: int) -> int:
    """Return the length in bytes of the tag (ID3, APE, Lyrics3) or zeros at a place; 0 for none."""
    file.seek(place)
    block = file.read(min(SEARCHED, size - place))
    if block.startswith(b"ID3") and block[3:4] < b"\x10":
        return id3_length(block)
    if block.startswith(b"TAG"):
        return 128
    if block.startswith(b"APETAGEX"):
        return 32 + int.from_bytes(block[12:16], "little")
    if block.startswith(b"LYRICSBEGIN"):
        file.seek(place)
        end = file.read(min(size - place, 2**20)).find(b"LYRICS200")
        return end + 9 if end > 0 else 0
    return len(block) - len(block.lstrip(b"\0"))


def after_tags(file: IO[bytes] | Splice, place: int, size: int) -> int:
    """Return where tags, chunks of tags and zeros that stand at a place end."""
    while place < size:
        file.seek(place)
        head = file.read(8)
        if head[:4] in CHUNKS:
            length = 8 + int.from_bytes(head[4:], "little")
            length = length if place + length <= size else 0
        elif head.startswith(b"<?xml"):
            file.seek(max(place, size - SEARCHED))
            length = size - place if file.read().rstrip(b"\0 \r\n").endswith(b">") else 0
        else:
            length = tag_or_padding(file, place, size)
        if not length:
            return place
        place = min(size, place + length)
    return size


def check_only_tags_follow(file: IO[bytes] | Splice, end: int, size: int) -> None:
    """Check that nothing but tags and padding follows the sound.

    Args:
        file: The file.
        end: Where its sound ends, by its own header.
        size: The length of the file in bytes.

    Raises:
        CutShortError: If something else does.
    """
    place = after_tags(file, end, size)
    if place < size:
        raise CutShortError(
            f"{size - place} bytes follow byte {place}, where its header says that the sound ends; "
            f"the header was not finished, or something else was written after it"
        )
