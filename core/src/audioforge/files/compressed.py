"""Text files that are compressed with gzip or zstd, read as if they were not."""

from __future__ import annotations

import gzip
import importlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from audioforge.errors import DatasetError
from audioforge.files.paths import open_regular

BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading raises of a compressed file that is cut or damaged."""


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading; one that ends in `.gz` or `.zst` is decompressed on the way.

    Raises:
        OSError: If it cannot be opened, or is no regular file.
        DatasetError: If it is of zstd and nothing installed reads that.
    """
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=open_regular(path)))
    if path.suffix.lower() == ".zst":
        return cast("IO[bytes]", _zstd(path).open(open_regular(path), "rb"))
    return open_regular(path)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading as `open_bytes` does, and explain what goes wrong within.

    Raises:
        DatasetError: If it cannot be read, or is cut or damaged.
    """
    try:
        with open_bytes(path) as file:
            yield file
    except DatasetError:
        raise
    except _broken(path) as error:
        raise DatasetError(
            f"{path}: it is cut or damaged, and cannot be decompressed: {error}. Copy it again"
        ) from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _broken(path: Path) -> tuple[type[Exception], ...]:
    """Return what reading this file raises when it is cut or damaged."""
    if path.suffix.lower() != ".zst":
        return BROKEN
    return (*BROKEN, _zstd(path).ZstdError)


def _zstd(path: Path) -> Any:
    """Return the module that reads zstd: the standard library's from Python 3.14 on.

    Raises:
        DatasetError: If there is none.
    """
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise DatasetError(
        f"{path}: reading zstd needs the package backports.zstd (Python 3.14 has it built in): "
        f"pip install 'audioforge[zstd]', or unpack the file: zstd -d {path.name}"
    )
