"""Archives of corpora that are on the web but not on the hub: fetched once, checked, and kept."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tarfile
import time
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from attrs import frozen
from filelock import FileLock

from audioforge.errors import DatasetError
from audioforge.hub.failure import PAUSES_S
from audioforge.hub.patience import TEMPORARY

from .arrow_rows import without_companions

CHUNK_BYTES = 2**20
TIMEOUT_S = 20.0
"""How long a connection may say nothing."""


@frozen
class Archive:
    """A corpus as one file.

    Attributes:
        name: Name of the corpus; also of the folder that it is extracted to.
        url: Address of a tar file, compressed or not.
        sha256: SHA-256 of the tar file, in hexadecimal.
        size: Size of the tar file, for people.
    """

    name: str
    url: str
    sha256: str
    size: str


def fetch(archive: Archive) -> Path:
    """Return the folder of the extracted archive; the first time it is downloaded.

    It lies in the cache of the datasets library (`HF_DATASETS_CACHE`). An interrupted download is
    gone on with, nothing that it or an interrupted extraction leaves is taken for the corpus, and
    of several processes one does the work.

    Raises:
        DatasetError: If it cannot be downloaded, is not what it was, or cannot be extracted.
    """
    library = without_companions()
    cache = Path(library.config.HF_DATASETS_CACHE) / "audioforge"
    folder = cache / archive.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{archive.name}.lock"):
            if not folder.is_dir():
                _download_and_extract(archive, folder, library)
    except DatasetError:
        raise
    except (OSError, HTTPException, tarfile.TarError) as error:
        told = [f"{type(error).__name__}: {error}".rstrip(".: "), *getattr(error, "__notes__", ())]
        reason = ", ".join(told)
        raise DatasetError(
            f"{archive.name}: {archive.url} ({archive.size}) cannot be had: {reason}. Check the "
            f"network and the disk's space, or download and extract it yourself, and give its "
            f"folder with --data-dir"
        ) from error
    return folder


def _download_and_extract(archive: Archive, folder: Path, library: Any) -> None:
    """Extract to a folder that gets its name when everything is there, and drop the tar file.

    What was downloaded when the network failed or the process ended is kept for the next time.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    downloaded = folder.with_name(f"{folder.name}.tar.partial")
    with downloaded.open("ab+") as file:
        _download(archive.url, file, library, archive.name)
        file.seek(0)
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != archive.sha256:
            downloaded.unlink()
            raise DatasetError(
                f"{archive.name}: what {archive.url} gives is not the archive that was published "
                f"(SHA-256 {found}, not {archive.sha256}). Try again, or give a copy with "
                f"--data-dir"
            )
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            tar.extractall(partial, filter="data")
    partial.rename(folder)
    downloaded.unlink()


def _download(url: str, file: IO[bytes], library: Any, name: str) -> None:
    """Append what a file lacks; a connection that fails is made again and goes on from there."""
    if library.config.HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set")
    failures = 0
    with library.utils.tqdm(unit="B", unit_scale=True, desc=name) as progress:
        while True:
            before = file.tell()
            try:
                _read_on(url, file, progress)
                return
            except (OSError, HTTPException) as error:
                failures = 1 if file.tell() > before else failures + 1
                if not _is_temporary(error) or failures > len(PAUSES_S):
                    error.add_note(f"in {failures} {'try' if failures == 1 else 'tries'}")
                    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                        file.truncate(0)
                    raise
            time.sleep(PAUSES_S[failures - 1])


def _read_on(url: str, file: IO[bytes], progress: Any) -> None:
    there = file.tell()
    request = Request(url, headers={"Range": f"bytes={there}-"} if there else {})  # noqa: S310
    try:
        response = urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
    except HTTPError as error:
        if there and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is lacking
        raise
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:  # the server begins again
            file.truncate(0)
            file.seek(0)
        progress.reset(file.tell() + response.length if response.length else None)
        progress.update(file.tell())
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            progress.update(len(chunk))
        if response.length:  # read() does not say that the connection ended early
            raise ConnectionError(f"the connection ended {response.length:,} bytes too early")


def _is_temporary(error: Exception) -> bool:
    """Whether another try may help: not so with a full disk, or when the server says no."""
    if isinstance(error, HTTPError):
        return error.code in TEMPORARY
    return isinstance(error, HTTPException | URLError | ConnectionError | TimeoutError)
