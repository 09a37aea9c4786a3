"""What was computed of clips, kept in files of the run's folder up to a number of bytes.

The first that comes stays: a run goes through its clips in the same order again and again, and what
was used last would always have been thrown away just before it is needed. The files are mapped into
memory, so that the system holds them there while there is room, and reads them again where there is
none. Nothing depends on what is kept: what is not there, or is damaged, is computed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from audioforge.files import atomic
from audioforge.inference.sound_files import WHERE_THEY_LIE, SoundFiles

BLOCK_BYTES = 4096
"""What file systems give to files in: the last block of each is seldom full."""

CHECKSUM = "crc32"
"""What the header of a file says of its content: it is not flushed to the disk when it is written,
and a power cut can leave zeros in it."""


class Room:
    """Bytes that files may take.

    Args:
        limit: How many.
        used: How many they take already.
    """

    def __init__(self, limit: int, used: int) -> None:
        """Begin with what is used."""
        self._left = limit - used

    def take(self, size: int) -> bool:
        """Take room for a file if there is so much, and say whether there is."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Have the room again of what is removed, or was not written."""
        self._left += size


class ClipCache:
    """Tensors by name, in files; closed, it keeps nothing and has nothing.

    Args:
        folder: Where the files are; made when it is opened. None to stay closed.
        files: Where the files of the clips themselves are found.

    Attributes:
        files: Where the files of the clips themselves are found.
    """

    def __init__(self, folder: Path | None = None, files: SoundFiles = WHERE_THEY_LIE) -> None:
        """Nothing is kept yet."""
        self._folder, self.files = folder, files
        self._room: Room | None = None
        self._is_full = False
        self._tell: Callable[[str], None] = lambda _: None
        self._lock = threading.Lock()  # loaders put from several threads
        self._checked: set[str] = set()
        self._put: Counter[str] = Counter()  # bytes by kind

    def open(self, limit: int, tell: Callable[[str], None]) -> None:
        """Keep from now on, and find what is there already.

        Args:
            limit: Bytes that the files may take, those that are there included.
            tell: Hears, once, when the disk takes no more.
        """
        self._tell, self._is_full = tell, False
        self._room = self._room_for(limit) if limit else None
        if self._folder is not None and limit:
            try:
                self._folder.mkdir(exist_ok=True)
            except OSError as error:
                self._stop(error)

    @property
    def is_open(self) -> bool:
        """Whether anything can be kept."""
        return self._folder is not None and self._room is not None

    def _room_for(self, limit: int) -> Room:
        return Room(limit, self.bytes_there())

    def bytes_there(self) -> int:
        """Return what the files take now."""
        if self._folder is None:
            return 0
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return sum(_on_disk(path.stat().st_size) for path in files)

    def clear(self, but: Collection[str] = ()) -> None:
        """Remove every kind of entry but these."""
        for folder in self._folder.iterdir() if self._folder and self._folder.is_dir() else ():
            if folder.name not in but:
                shutil.rmtree(folder, ignore_errors=True)

    def drop(self, ending: str) -> None:
        """Remove the kinds whose names end so, and have the room of what was put there again.

        Every process does so, while none reads or puts any.
        """
        with self._lock:
            for kind in [kind for kind in self._put if kind.endswith(ending)]:
                if self._room is not None:
                    self._room.give_back(self._put.pop(kind))
        for folder in self._folder.glob(f"*{ending}") if self._folder else ():
            shutil.rmtree(folder, ignore_errors=True)

    def get(self, kind: str, name: str) -> dict[str, torch.Tensor] | None:
        """Return an entry, or None where it is not there or is damaged.

        Args:
            kind: What kind of entry: the name of a folder.
            name: The entry's own name.
        """
        if self._folder is None or not self.is_open:
            return None
        path = self._folder / kind / f"{name}.safetensors"
        try:
            with safe_open(path, "pt") as file:
                checksum = (file.metadata() or {}).get(CHECKSUM)
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError):
            tensors, checksum = {}, None
        known = checksum is not None and f"{kind}/{name}" in self._checked
        if not known and checksum != _checksum(tensors):
            with suppress(OSError):  # so that it is written anew
                path.unlink()
            return None
        self._checked.add(f"{kind}/{name}")
        return tensors

    def put(self, kind: str, name: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep an entry, if there is room for it.

        Args:
            kind: What kind of entry.
            name: The entry's own name.
            tensors: On the CPU, and contiguous.
        """
        if self._folder is None or self._room is None or self._is_full:
            return
        with self._lock:
            path = self._folder / kind / f"{name}.safetensors"
            content = save(dict(tensors), {CHECKSUM: _checksum(tensors)})
            size = _on_disk(len(content))
            if not self._room.take(size):
                return
            try:
                if path.exists():  # another thread or process had the same clip
                    self._room.give_back(size)
                    return
                path.parent.mkdir(exist_ok=True)  # not that of a run that was taken away
                with atomic.new_file(path, durable=False) as temporary:
                    temporary.write_bytes(content)
            except OSError as error:
                self._room.give_back(size)
                self._stop(error)
                return
            self._put[kind] += size
            self._checked.add(f"{kind}/{name}")

    def _stop(self, error: OSError) -> None:
        """Keep nothing more; what is there is still used."""
        self._is_full = True
        self._tell(
            f"{self._folder}: {error.strerror}; what is computed of further clips is not kept, and "
            f"is computed again when it is needed"
        )


NOTHING_KEPT = ClipCache()


def digest_of(settings: object, tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the BLAKE2b digest of settings and tensors, in hexadecimal.

    Args:
        settings: What JSON can hold; anything else counts as what it prints.
        tensors: On any device.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(_content(tensor))
    return digest.hexdigest()


def _on_disk(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    checksum = 0
    for name, tensor in sorted(tensors.items()):
        checksum = zlib.crc32(_content(tensor), zlib.crc32(name.encode(), checksum))
    return f"{checksum:08x}"


def _content(tensor: torch.Tensor) -> memoryview:
    """Return the bytes of a tensor, of any type."""
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy().data
