"""Ogg files page by page: where each recording of a chain begins, and whether all pages are there.

`cat a.ogg b.ogg` is a file by the format's own rules (RFC 3533), as are recordings of web radio; a
decoder that opens it reads the first link of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from attrs import frozen

from audioforge.sound.splice import CutShortError, Piece

MAGIC = b"OggS"
HEADER = 27
"""Bytes of a page before its table of segments."""
BEGINS, ENDS = 2, 4
"""Flags of a stream's first page and of its last."""


@frozen
class _Page:
    start: int
    end: int
    flags: int
    stream: bytes
    number: int


def chained_ogg(file: IO[bytes], size: int) -> list[Piece]:
    """Return where the links of a chain are; of a plain file, the one.

    Args:
        file: The file.
        size: Its length in bytes.

    Raises:
        CutShortError: If a page is missing, or bytes that are no page.
    """
    links: list[Piece] = []
    start, begun, ended = 0, False, False
    numbers: dict[bytes, int] = {}
    for page in _pages(file, size):
        if page.flags & BEGINS and begun:
            _check_ended(ended, page.start)
            links.append(Piece(start, page.start))
            start, begun, ended = page.start, False, False
            numbers.clear()
        begun = begun or not page.flags & BEGINS
        ended = ended or bool(page.flags & ENDS)
        due = numbers.get(page.stream, page.number)
        if page.number != due:
            raise CutShortError(
                f"pages {due} to {page.number - 1} are missing before byte {page.start}"
                if page.number > due
                else f"page {page.number} comes after page {due - 1} at byte {page.start}"
            )
        numbers[page.stream] = page.number + 1
    _check_ended(ended, size)
    return [*links, Piece(start, size)]


def _check_ended(ended: bool, place: int) -> None:
    if not ended:
        raise CutShortError(f"its last page is missing at byte {place}; the file is cut")


def _pages(file: IO[bytes], size: int) -> Iterator[_Page]:
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(HEADER + 255)
        if not head.startswith(MAGIC):
            if not head.strip(b"\0"):  # padding
                return
            raise CutShortError(
                f"the {size - place} bytes from byte {place} on are no Ogg pages; the file is "
                f"damaged or something else was written after it"
            )
        table = head[HEADER : HEADER + head[HEADER - 1]] if len(head) >= HEADER else b""
        end = place + HEADER + len(table) + sum(table)
        if len(head) < HEADER or len(table) < head[HEADER - 1] or end > size:
            raise CutShortError(f"its last page is cut at byte {size}")
        number = int.from_bytes(head[18:22], "little")
        yield _Page(place, end, head[5], head[14:18], number)
        place = end
