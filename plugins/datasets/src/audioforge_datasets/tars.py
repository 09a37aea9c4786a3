"""Tar files read from one end to the other: nothing is written to the disk, under no name."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from audioforge.errors import DatasetError
from audioforge.files.compressed import open_bytes
from audioforge.files.paths import open_regular

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")

MOST_MEMBER_BYTES = 2**30
"""A member is one clip, and is held in memory: 1 GiB is three hours of CD sound."""


@frozen
class Member:
    """One file of a tar file.

    Attributes:
        name: Its name there, with the folders that it stands in.
        content: Its bytes; None when it is too large to be read.
    """

    name: str
    content: bytes | None


def members(path: Path) -> Iterator[Member]:
    """Yield the files of a tar file in their order.

    Links, devices and folders are left out, and so are hidden files and what macOS adds to archives
    (`._a.wav`, `__MACOSX`).

    Raises:
        DatasetError: If it cannot be read, is no tar file, or is cut.
    """
    try:
        is_zstd = path.suffix.lower() == ".zst"
        with (
            open_bytes(path) if is_zstd else open_regular(path) as file,
            tarfile.open(fileobj=file, mode="r|" if is_zstd else "r|*") as tar,
        ):
            for member in tar:
                if not member.isreg() or _is_hidden(member.name):
                    continue
                if member.size > MOST_MEMBER_BYTES:
                    yield Member(member.name, None)
                    continue
                content = tar.extractfile(member)
                assert content is not None
                yield Member(member.name, content.read())
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path}: it is no tar file, or is cut or damaged ({error}); copy it again"
        ) from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _is_hidden(name: str) -> bool:
    parts = (part for part in name.split("/") if part not in (".", ".."))
    return any(part.startswith((".", "__MACOSX")) for part in parts)
