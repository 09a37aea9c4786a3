"""A sound file opened by the decoder that reads all of it."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from pathlib import Path
from typing import IO

from audioforge.files.paths import open_regular
from audioforge.sound.containers import CAF, CONTAINERS, joined_container
from audioforge.sound.flac import joined_flac
from audioforge.sound.headers import joined_by_header
from audioforge.sound.joined import JoinedSound, Sound
from audioforge.sound.kinds import UNREAD, av_kind
from audioforge.sound.libav import AvSound, has_av
from audioforge.sound.libsndfile import NativeSound
from audioforge.sound.mpeg import begins_frame, joined_mpeg
from audioforge.sound.ogg import MAGIC as OGG
from audioforge.sound.ogg import chained_ogg
from audioforge.sound.splice import Piece, Splice
from audioforge.sound.tags import id3_length

HEAD = 512
"""Bytes that tell what a file is."""
LARGE = 2**19
"""Bytes from which on what a file is made of is remembered: half a minute of MP3."""
BY_HEADER = (b"RIFF", b"FORM", b".snd", b"riff", b"RF64")
CAF_MAGIC, FLAC, PADDING = b"caff", b"fLaC", bytes(4)


def open_sound(audio: Path | bytes) -> Sound:
    """Open a file, or one in memory.

    Raises:
        CutShortError: If the file ends before its sound does, or holds more than is read of it.
        ValueError: If it is no sound, or what reads it is not installed.
        OSError: If it cannot be opened.
        soundfile.SoundFileError: If libsndfile cannot read it.
    """
    file: IO[bytes] = io.BytesIO(audio) if isinstance(audio, bytes) else open_regular(audio)
    try:
        return _opened(audio, file)
    except BaseException:
        file.close()
        raise


def _opened(audio: Path | bytes, file: IO[bytes]) -> Sound:
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise ValueError("the file is empty")
    start = _after_tag(file)
    file.seek(start)
    head = file.read(HEAD)
    if head[:4] in UNREAD:
        raise ValueError(f"it is {UNREAD[head[:4]]}, which is not read; convert it to FLAC")
    kind = av_kind(head)
    if kind is not None and not has_av():
        raise ValueError(f"it is {kind.name}, for which there is: pip install 'audioforge[av]'")
    if size > LARGE and isinstance(audio, Path):
        recordings = _recordings_once(audio.absolute(), size, audio.stat().st_mtime_ns)
    else:
        recordings = _recordings(file, head, start, size)
    if kind is not None:
        path = audio if isinstance(audio, Path) else None
        pieces = [piece for recording in recordings for piece in recording] or [Piece(0, size)]
        return JoinedSound([AvSound(file, kind, piece, path) for piece in pieces], file)
    if isinstance(audio, Path) and _is_plain(recordings, start, size):
        file.close()
        # As bytes where names are bytes: soundfile cannot spell one that is no UTF-8.
        return NativeSound(os.fsencode(audio) if os.name == "posix" else str(audio))
    recordings = recordings or [[Piece(0, size)]]
    return JoinedSound([NativeSound(Splice(file, pieces)) for pieces in recordings], file)


def _is_plain(recordings: list[list[Piece]], start: int, size: int) -> bool:
    """Whether libsndfile finds the one recording by itself, and says nothing on stderr of it."""
    pieces = [piece for recording in recordings for piece in recording]
    if not pieces or pieces == [Piece(0, size)]:
        return True
    little = (pieces[0].end - start) // 200  # libmpg123 warns of tags of more than a hundredth
    return len(pieces) == 1 and pieces[0].start == start and size - pieces[0].end <= little


@lru_cache(maxsize=1024)
def _recordings_once(path: Path, size: int, changed_ns: int) -> list[list[Piece]]:
    """Return the recordings of a large file, of which many parts may be asked for.

    Its size and time say that it is still the same.
    """
    with path.open("rb") as file:
        start = _after_tag(file)
        file.seek(start)
        return _recordings(file, file.read(HEAD), start, size)


def _recordings(file: IO[bytes], head: bytes, start: int, size: int) -> list[list[Piece]]:
    """Return what recordings there are, as pieces of the file; nothing where none is looked for."""
    kind = av_kind(head)
    if kind is not None and kind.demuxer in CONTAINERS:
        return joined_container(file, start, size, CONTAINERS[kind.demuxer])
    if head.startswith(CAF_MAGIC):
        return joined_container(file, start, size, CAF)
    if head.startswith(OGG):
        return [[link] for link in chained_ogg(file, size)]
    if head.startswith(BY_HEADER):
        return joined_by_header(file, start, size)
    if head.startswith(FLAC):
        return joined_flac(file, start, size)
    if head.startswith(PADDING) or begins_frame(head):
        return joined_mpeg(file, size)
    return []


def _after_tag(file: IO[bytes]) -> int:
    """Return where a file begins after an ID3 tag, which any may have before its sound."""
    file.seek(0)
    return id3_length(file.read(10))
