"""Sound that a node cannot read and the driver can: sent once a node, and kept there for a while.

A file is known by the digest of what is in it, so that what is received can be checked, one sound
under two names travels once, and parts of a long recording share it. The driver is asked for each
file each time, since it may have been written to; its content travels only where it is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from attrs import frozen

from audioforge.errors import TrainingError
from audioforge.files.paths import is_file, open_regular
from audioforge.inference.sound_files import SoundFiles
from audioforge_ray.node_cache import SharedRoom
from audioforge_ray.node_folder import NodeFolder

PIECE_BYTES = 32 * 2**20
"""Of a file that are held in memory, and travel, at once."""
REMEMBERED = 200_000
"""Files whose digest the driver need not compute again."""
PART_LEFT = 0.9
"""Of what may be kept stays when the oldest goes, so that it is not looked for with each file."""
MOST_TRIES = 3
"""To receive a file that is written to meanwhile."""


@frozen
class Sound:
    """A file as the driver sees it.

    Attributes:
        digest: BLAKE2b of what is in it, in hexadecimal.
        size: In bytes.
    """

    digest: str
    size: int


class Source(Protocol):
    """Who has the files."""

    def describe(self, path: str) -> Sound | None:
        """Return what is known of a file; None where it cannot be read."""

    def piece(self, path: str, start: int) -> np.ndarray:
        """Return up to `PIECE_BYTES` of a file from a position on, as uint8."""


class Sender:
    """Reads files where the run is: a `Source`, and on a cluster an actor of the driver's node."""

    def describe(self, path: str) -> Sound | None:
        """Return digest and size of a file; None where it cannot be read."""
        try:
            with open_regular(Path(path)) as file:
                found = os.fstat(file.fileno())
            state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            return Sound(_digest(path, state), found.st_size)
        except (OSError, ValueError):
            return None

    def piece(self, path: str, start: int) -> np.ndarray:
        """Return up to `PIECE_BYTES` of a file, as uint8; nothing where it ends before."""
        try:
            with open_regular(Path(path)) as file:
                file.seek(start)
                return np.frombuffer(file.read(PIECE_BYTES), np.uint8)
        except OSError:  # it was there when it was described
            return np.zeros(0, np.uint8)


@lru_cache(maxsize=REMEMBERED)
def _digest(path: str, state: tuple[int, ...]) -> str:
    """Return the digest of a file that is in a state: device, inode, size and time."""
    digest = _hash()
    with open_regular(Path(path)) as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _hash() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


class SentFiles(SoundFiles):
    """The clips' files on a node: where they lie if it sees them, and else as they are sent.

    Args:
        source: Who is asked for what this node does not see.
        node: Holds what was sent.
        limit: Bytes of it that are kept while nobody reads them; the oldest goes first.
        folder: Where relative paths start: the folder that the driver is in.
    """

    def __init__(self, source: Source, node: NodeFolder, limit: int, folder: Path) -> None:
        """Nothing is sent yet."""
        self._source, self._limit, self._start = source, limit, folder
        self._kept = node.path / "sent"
        self._kept.mkdir(exist_ok=True)
        self._room = SharedRoom(node.path / "bytes-sent", limit)

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self._start

    def state(self, path: Path) -> tuple[object, ...]:
        """Return what tells the file from any other: its digest, where it is sent."""
        if _is_seen(path):
            return super().state(path)
        sound = self._source.describe(str(path))
        if sound is None:
            raise FileNotFoundError(path)
        return (sound.digest,)

    @contextmanager
    def at_hand(self, path: Path) -> Iterator[Path]:
        """Give the place where the file can be read until the block ends.

        Raises:
            TrainingError: If this node has no room for it.
        """
        file = None if _is_seen(path) else self._held(path)
        if file is None:
            yield path
            return
        with file:
            yield Path(file.name)

    def _held(self, path: Path) -> IO[bytes] | None:
        """Return the copy of a file, opened so that it stays; None where nobody can read it."""
        for _ in range(MOST_TRIES):
            sound = self._source.describe(str(path))
            if sound is None:
                return None
            copy = self._kept / f"{sound.digest}{path.suffix}"
            try:
                with self._one_at_a_time(sound.digest[:2]):
                    if not copy.exists():
                        self._receive(path, sound.size)
                    if (file := _opened_to_stay(copy)) is not None:
                        return file
            except OSError as error:
                raise TrainingError(
                    f"{path}: this node cannot read it, and cannot keep what is sent of it in "
                    f"{self._kept}: {error.strerror}. Make room there, start the node with TMPDIR "
                    f"set to another folder, or have the nodes share the folder of the sound"
                ) from error
        return None  # it is written to all the time

    @contextmanager
    def _one_at_a_time(self, name: str) -> Iterator[None]:
        """Let one worker of the node at a time receive what is called so."""
        with (self._kept / f".{name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _receive(self, path: Path, size: int) -> None:
        """Write a file down piece by piece, under the digest of what came."""
        if not self._room.take(size):
            left = _remove_oldest(self._kept, until=round(PART_LEFT * self._limit) - size)
            self._room.recount(left + size)
        digest, received = _hash(), 0
        with tempfile.TemporaryDirectory(dir=self._kept, prefix=".") as folder:
            arriving = Path(folder) / "sound"
            with arriving.open("wb") as file:
                while received < size and len(piece := self._source.piece(str(path), received)):
                    digest.update(piece.data)
                    file.write(piece.data)
                    received += len(piece)
            arriving.replace(self._kept / f"{digest.hexdigest()}{path.suffix}")


def _is_seen(path: Path) -> bool:
    return is_file(path) and os.access(path, os.R_OK)


def _opened_to_stay(copy: Path) -> IO[bytes] | None:
    """Open a copy, which is not removed until it is closed; None where it is gone already."""
    try:
        file = copy.open("rb")
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.path.samestat(os.fstat(file.fileno()), copy.stat()):
            return file
        file.close()
    except FileNotFoundError:
        pass
    return None


def _remove_oldest(folder: Path, until: int) -> int:
    """Remove copies that nobody reads, the oldest first, and return the bytes of the others.

    Args:
        folder: Holds them.
        until: How many bytes may stay.
    """
    copies = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    there = {entry.path: entry.stat() for entry in copies}
    left = sum(state.st_size for state in there.values())
    for path, state in sorted(there.items(), key=lambda item: item[1].st_mtime_ns):
        if left <= until:
            break
        with suppress(OSError), Path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(path).unlink()
            left -= state.st_size
    return left
