"""Archives of corpora that are on the web but not on the hub: fetched once, checked, and kept."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

from attrs import frozen
from filelock import FileLock

from audioforge.errors import DatasetError

from .arrow_rows import without_companions

CHUNK_BYTES = 2**20


@frozen
class Archive:
    """A corpus as one file.

    Attributes:
        name: Of the corpus; also of the folder that it is extracted to.
        url: Of a tar file, compressed or not.
        sha256: Of the tar file.
        size: For people.
    """

    name: str
    url: str
    sha256: str
    size: str


def fetch(archive: Archive) -> Path:
    """Return the folder of the extracted archive; the first time it is downloaded.

    It lies in the cache of the datasets library (`HF_DATASETS_CACHE`). An interrupted download or
    extraction leaves nothing that could be taken for the corpus, and of several processes one does
    the work.

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
        reason = f"{type(error).__name__}: {error}".rstrip(".: ")
        raise DatasetError(
            f"{archive.name}: {archive.url} ({archive.size}) cannot be had: {reason}. Check the "
            f"network and the disk's space, or download and extract it yourself, and give its "
            f"folder with --data-dir"
        ) from error
    return folder


def _download_and_extract(archive: Archive, folder: Path, library: Any) -> None:
    """Extract to a folder that gets its name when everything is there, and drop the tar file."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with tempfile.NamedTemporaryFile(dir=folder.parent, suffix=".tar") as file:
        found = _download(archive, file, library)
        if found != archive.sha256:
            raise DatasetError(
                f"{archive.name}: what {archive.url} gives is not the archive that was published "
                f"(SHA-256 {found}, not {archive.sha256}). Try again, or give a copy with "
                f"--data-dir"
            )
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            tar.extractall(partial, filter="data")
    partial.rename(folder)


def _download(archive: Archive, file: IO[bytes], library: Any) -> str:
    """Write the archive to an open file, and return its SHA-256."""
    if library.config.HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set")
    digest = hashlib.sha256()
    with urlopen(archive.url, timeout=60) as response:  # noqa: S310
        total = int(response.headers.get("Content-Length", 0)) or None
        with library.utils.tqdm(
            total=total, unit="B", unit_scale=True, desc=archive.name
        ) as progress:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                progress.update(len(chunk))
    return digest.hexdigest()
