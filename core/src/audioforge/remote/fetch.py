"""Files at addresses (https, s3, gs, hf), fetched once through fsspec into a cache.

The cache has a folder for each address. What lies there is taken as it is: it is not asked again
whether the file has changed, and nothing of it is removed, however much it becomes.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from audioforge.errors import AudioForgeError, DatasetError
from audioforge.files.addresses import SCHEMES, file_name, shown
from audioforge.files.atomic import new_file
from audioforge.files.paths import is_file
from audioforge.hub.failure import PAUSES_S, causes, explain_hub_failure, retried
from audioforge.hub.patience import TEMPORARY, HubUnavailableError, patience

if TYPE_CHECKING:
    import aiohttp

PACKAGES = {"https": "aiohttp", "http": "aiohttp", "s3": "s3fs", "gs": "gcsfs"}
"""What fsspec needs for a scheme; for hf:// it is the hub's client, which is there."""

CACHE = "audioforge/addresses"
"""The folder of the cache, below that of the hub's."""

TIMEOUT_S = 20.0
"""How long a connection may say nothing."""

MOST_FAILURES = 3
"""Files in a row that a server does not give, after which it is not asked for the others."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_PAGE = (b"<!doctype html", b"<html")


class FetchError(AudioForgeError):
    """One file cannot be fetched; others may."""


_failures: Counter[str] = Counter()
"""Files in a row that each server did not give, since it did not answer or not now."""


def fetched(address: str) -> Path:
    """Return the local copy of the file at an address; the first time it is fetched.

    A failure that may pass is tried again after 1, 2, 4 and 8 seconds.

    Raises:
        FetchError: If the file cannot be had.
        DatasetError: If no file can be: a package is missing, the cache cannot be written, or the
            server fails file after file.
    """
    scheme = address.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise FetchError(
            f"{shown(address)}: {scheme}:// is not read; download it, or give one of "
            f"{', '.join(f'{known}://' for known in SCHEMES)}"
        )
    path = cached_path(address)
    if is_file(path):
        return path
    server = urlsplit(address).netloc
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path, durable=False) as temporary:
            _fetch(address, temporary)
            _check_content(address, temporary)
    except (FetchError, DatasetError):
        raise
    except Exception as error:  # every store's client raises kinds of its own
        if isinstance(error, OSError) and error.errno in _FULL:
            raise DatasetError(
                f"{shown(address)}: its copy {path} cannot be written: {error.strerror}. Make "
                f"room, or set HF_HOME to another folder"
            ) from error
        reason = f"{shown(address)}: {_reason(error, address)}"
        if may_pass(error):
            _failures[server] += 1
            if _failures[server] >= MOST_FAILURES:
                raise DatasetError(
                    f"{reason}. The server failed for {MOST_FAILURES} files in a row, in "
                    f"{len(PAUSES_S) + 1} tries each. Check the network and try again: what was "
                    f"fetched is kept"
                ) from error
        raise FetchError(reason) from error
    _failures.pop(server, None)
    return path


def cached_path(address: str) -> Path:
    """Return where the copy of a file is kept; it may not be there yet."""
    from huggingface_hub import constants

    digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Path(constants.HF_HOME) / CACHE / digest / file_name(address)


def is_copy(path: Path) -> bool:
    """Say whether a file is a copy in the cache, which anyone may empty."""
    from huggingface_hub import constants

    return path.is_relative_to(Path(constants.HF_HOME) / CACHE)


def may_pass(error: BaseException) -> bool:
    """Whether it makes sense to try the same again."""
    for cause in causes(error):
        status = getattr(cause, "status", None)
        if isinstance(status, int) and status:
            return status in TEMPORARY
        if isinstance(cause, FileNotFoundError | PermissionError):
            return False
        if isinstance(cause, HubUnavailableError | ConnectionError | asyncio.TimeoutError):
            return True
        if type(cause).__module__.startswith("aiohttp") and not isinstance(cause, ValueError):
            return True  # a connection that was not made, or broke off
    return False


def _fetch(address: str, path: Path) -> None:
    scheme = address.partition(":")[0].lower()
    files = _file_system(scheme)
    where = files._strip_protocol(address)  # not by the address: fsspec reads `::` in one
    if scheme == "hf":
        with patience():
            retried(lambda: files.get_file(where, str(path)))
        return
    for pause_s in PAUSES_S:
        try:
            files.get_file(where, str(path))
            return
        except Exception as error:
            if not may_pass(error):
                raise
        time.sleep(pause_s)
    files.get_file(where, str(path))


@cache
def _file_system(scheme: str) -> Any:
    """Return fsspec's file system for a scheme.

    Raises:
        DatasetError: If its package is missing.
    """
    import fsspec

    try:
        if scheme in ("http", "https"):
            return fsspec.filesystem(scheme, get_client=_client, skip_instance_cache=True)
        return fsspec.filesystem(scheme)
    except ImportError as error:
        raise DatasetError(
            f"{scheme}:// is read through {PACKAGES.get(scheme, scheme)}, which cannot be imported "
            f"({error}). Install it: pip install 'audioforge[remote]'"
        ) from error


async def _client(**settings: Any) -> aiohttp.ClientSession:
    import aiohttp

    limits = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)
    return aiohttp.ClientSession(timeout=limits, trust_env=True, **settings)


def _check_content(address: str, path: Path) -> None:
    """Refuse a page that stands in the place of a file, as behind a login."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith(_PAGE):
        raise FetchError(
            f"{shown(address)}: gives a web page, not a file; take the address that downloads it"
        )


def _reason(error: Exception, address: str) -> str:
    """Return what is wrong, and what to do."""
    page = "/".join(address.partition("://")[2].split("/")[:3])
    if address.lower().startswith("hf:") and (hub := explain_hub_failure(error, page=page)):
        return hub
    status = next((s for e in causes(error) if isinstance(s := getattr(e, "status", 0), int)), 0)
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the address"
    if isinstance(error, PermissionError) or status in (401, 403):
        return (
            "access is refused; check the address, and the credentials that the store's client "
            "reads"
        )
    if isinstance(error, asyncio.TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    said = f"HTTP status {status}" if status else f"{type(error).__name__}: {error}"
    return f"cannot be fetched: {' '.join(shown(said).split())}"
