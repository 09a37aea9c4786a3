"""MPEG audio (MP3) frame by frame: how many there are, and where each recording of several begins.

An MP3 file is frames one after the other, and nothing else says how long it is but an optional
first frame (Xing, Info), which counts those of its own recording. So a decoder that trusts it stops
in the middle of `cat a.mp3 b.mp3`, and one that finds none guesses from the first bitrate. Here the
frames are counted, each recording is handed on alone, and one without such a frame gets one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from attrs import evolve, frozen

from audioforge.sound.splice import CutShortError, Piece, literal
from audioforge.sound.tags import tag_or_padding

KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by version (2 for 2.5 too) and layer."""
RATES_HZ = (44_100, 48_000, 32_000)
"""Of version 1; half and a quarter of it for versions 2 and 2.5."""

HEAD = 192
"""Bytes of a frame that are looked at: its header and, of a first one, what it counts."""
FORGIVEN = 2
"""Frames by which a first frame's count may be wrong: some encoders count it, too."""
SEARCHED = 2**16
"""Bytes in which the next frame is looked for after something that is none."""


@frozen
class _Frame:
    """A frame of sound.

    Attributes:
        start: Its first byte.
        size: Its length in bytes.
        kind: Version, layer, sampling rate and whether it is mono: what one recording keeps.
        stated: How many frames follow, where it is a first one that says so.
    """

    start: int
    size: int
    kind: tuple[int, int, int, bool]
    stated: int | None = None


@frozen
class _Recording:
    """One recording: its first frame (which may be the one that counts), its end, its frames."""

    first: _Frame
    end: int
    frames: int

    @property
    def left(self) -> int | None:
        """How many frames are still to come, where the first one says so."""
        return None if self.first.stated is None else self.first.stated - self.frames


def joined_mpeg(file: IO[bytes], size: int) -> list[list[Piece]]:
    """Return the recordings of a file, each as its pieces; none where the first frame is not found.

    Raises:
        CutShortError: If frames are missing, or bytes between them are no frames.
    """
    found: list[_Recording] = []
    for recording in _recordings(file, size):
        few = recording.frames <= FORGIVEN and recording.first.stated is None
        if not (found and few and found[-1].left == 0):  # an encoder miscounted
            found.append(recording)
    return [_pieces(recording, file) for recording in found]


def begins_frame(head: bytes) -> bool:
    """Say whether bytes begin a frame of MPEG audio."""
    return _read_header(head, 0) is not None


def _recordings(file: IO[bytes], size: int) -> Iterator[_Recording]:
    now: _Recording | None = None
    for frame in _frames(file, size):
        if now is None or _begins_another(now, frame):
            if now is not None:
                _check_all_there(now)
                yield now
            now = _Recording(frame, frame.start + frame.size, int(frame.stated is None))
        else:
            now = evolve(now, end=frame.start + frame.size, frames=now.frames + 1)
    if now is not None:
        _check_all_there(now)
        yield now


def _begins_another(now: _Recording, frame: _Frame) -> bool:
    if frame.stated is not None or frame.kind != now.first.kind:
        return True
    return now.left == 0


def _check_all_there(recording: _Recording) -> None:
    if recording.left is not None and recording.left > FORGIVEN:
        raise CutShortError(
            f"{recording.frames} of {recording.first.stated} frames are there; the file is cut"
        )


def _pieces(recording: _Recording, file: IO[bytes]) -> list[Piece]:
    sound = Piece(recording.first.start, recording.end)
    if recording.first.stated is not None or recording.first.kind[1] != 3:
        return [sound]
    file.seek(recording.first.start)
    return [literal(_counting_frame(file.read(4), recording.frames)), sound]


def _counting_frame(header: bytes, frames: int) -> bytes:
    """Return the frame that tells a decoder how many follow: silent, and with the count in it."""
    best = bytes([header[0], header[1] | 1, 14 << 4 | header[2] & 0x0C, header[3]])
    frame = _read_header(best, 0)
    assert frame is not None
    count = b"Xing" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    side = _side_information(frame.kind)
    return (best + bytes(side) + count).ljust(frame.size, b"\0")


def _frames(file: IO[bytes], size: int) -> Iterator[_Frame]:
    place, begun = 0, False
    while place < size:
        file.seek(place)
        head = file.read(HEAD)
        frame = _frame(head, place)
        if frame is None or (not begun and not _followed(file, frame, size)):
            skipped = tag_or_padding(file, place, size)
            place = place + skipped if skipped else _found_again(file, place, size, begun)
            continue
        if frame.start + frame.size > size:
            raise CutShortError("its last frame is cut; the end of the file is missing")
        begun = True
        yield frame
        place += frame.size


def _followed(file: IO[bytes], frame: _Frame, size: int) -> bool:
    """Whether another frame, or the end, follows: four bytes look like a header by chance."""
    after = frame.start + frame.size
    file.seek(after)
    return after == size or _read_header(file.read(4), after) is not None


def _frame(head: bytes, place: int) -> _Frame | None:
    frame = _read_header(head[:4], place)
    if frame is None or frame.kind[1] != 3:
        return frame
    at = 4 + _side_information(frame.kind)
    if head[at : at + 4] in (b"Xing", b"Info"):
        counted = head[at + 7 : at + 8] and head[at + 7] & 1
        return (
            evolve(frame, stated=int.from_bytes(head[at + 8 : at + 12], "big"))
            if counted
            else frame
        )
    if head[36:40] == b"VBRI":
        return evolve(frame, stated=int.from_bytes(head[50:54], "big"))
    return frame


def _side_information(kind: tuple[int, int, int, bool]) -> int:
    """Return after how many bytes of side information a first frame has its count."""
    version, _, _, mono = kind
    return (17 if mono else 32) if version == 1 else (9 if mono else 17)


def _read_header(head: bytes, place: int) -> _Frame | None:
    """Return the frame that four bytes begin; None where they begin none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version = {3: 1, 2: 2, 0: 4}.get(head[1] >> 3 & 3)  # what rates are divided by
    layer = 4 - (head[1] >> 1 & 3)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version is None or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    kbits, hertz = KBITS[min(version, 2), layer][bits - 1], RATES_HZ[rate] // version
    padding = head[2] >> 1 & 1
    if layer == 1:
        size = (12_000 * kbits // hertz + padding) * 4
    else:
        size = (72_000 if layer == 3 and version > 1 else 144_000) * kbits // hertz + padding
    return _Frame(place, size, (version, layer, hertz, head[3] >> 6 == 3))


def _found_again(file: IO[bytes], place: int, size: int, begun: bool) -> int:
    """Return where frames go on after something that is neither frame nor tag.

    Raises:
        CutShortError: If it stands between frames or after them.
    """
    file.seek(place)
    block = file.read(min(SEARCHED, size - place))
    at = block.find(b"\xff", 1)
    while at >= 0:
        frame = _read_header(block[at : at + 4], place + at)
        if frame is not None and _followed(file, frame, size):
            break
        at = block.find(b"\xff", at + 1)
    strange = at if at > 0 else size - place
    if begun:
        raise CutShortError(
            f"the {strange} bytes from byte {place} on are neither frames nor a tag; the file is "
            f"damaged or something else was written into it"
        )
    return place + at if at > 0 else size
