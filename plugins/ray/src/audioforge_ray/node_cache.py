"""What is computed of clips, kept on a node for all of a run's workers there, within one bound."""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch

from audioforge.inference.clip_cache import ClipCache, Room
from audioforge.inference.preparation import PASSING
from audioforge.inference.sound_files import WHERE_THEY_LIE, SoundFiles
from audioforge_ray.node_folder import NodeFolder


class SharedRoom(Room):
    """Bytes that the files of several processes may take together.

    Args:
        path: The file that holds how many they take; made with the first.
        limit: How many.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """Nothing is taken by this process yet."""
        self._path, self._limit = path, limit

    def take(self, size: int) -> bool:
        """Take room for a file if there is so much, and say whether there is."""
        with self._counted() as file:
            used = _read(file)
            if used + size > self._limit:
                return False
            _write(file, used + size)
            return True

    def give_back(self, size: int) -> None:
        """Have the room again of what is removed, or was not written."""
        with self._counted() as file:
            _write(file, max(0, _read(file) - size))

    def recount(self, used: int) -> None:
        """Take over what the files were found to take."""
        with self._counted() as file:
            _write(file, used)

    @contextmanager
    def _counted(self) -> Iterator[IO[bytes]]:
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


class NodeCache(ClipCache):
    """What is computed of clips once a node, kept for all of the run's workers there.

    Args:
        node: The run's folder on this node.
        files: Where the files of the clips are found.
    """

    def __init__(self, node: NodeFolder, files: SoundFiles = WHERE_THEY_LIE) -> None:
        """Nothing is kept until it is opened, with the bytes of all workers together."""
        super().__init__(node.path / "clips", files)
        self._node = node  # whose lock is held as long as this is there

    def _room_for(self, limit: int) -> Room:
        return SharedRoom(self._node.path / "bytes-kept", limit)

    def put(self, kind: str, name: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep an entry, if there is room for it, and it is of use for more than one cycle.

        No worker knows when the others are done with a cycle.
        """
        if not kind.endswith(PASSING):
            super().put(kind, name, tensors)


def _read(file: IO[bytes]) -> int:
    file.seek(0)
    content = file.read(8)
    return int(struct.unpack("q", content)[0]) if len(content) == 8 else 0


def _write(file: IO[bytes], number: int) -> None:
    file.truncate(0)  # what is opened to append is written at the end
    file.write(struct.pack("q", number))
