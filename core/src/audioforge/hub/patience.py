"""How long AudioForge waits for the hub: each request, and how many that fail in a row.

The clients of the hub retry in several nested layers, each for itself, and some requests without a
time limit: a hub that accepts and never answers would hold a run for hours, or for ever. Here every
request gets a time limit, and the failures are counted over all layers: after `Patience.tries` in a
row the next layer is not asked, and one error says what happened.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from attrs import define, field

from audioforge.errors import AudioForgeError
from audioforge.terminal import console

TRIES = 5
"""Tries of a request, with the hub client's pauses of 1, 2, 4 and 8 s in between: 15 s, and the
time limit of each try."""

STREAMING_TRIES = 12
"""Tries where a dataset is streamed: minutes, since a run of days should outlive a router's
restart."""

RATE_LIMITED = 429
TEMPORARY = frozenset({408, RATE_LIMITED, 500, 502, 503, 504})
"""HTTP status of a server that may answer later."""


_ASIDE = ("/api/agent-harnesses", "://datasets-server.", "://s3.amazonaws.com/")
"""What the clients ask for statistics and figures, and go on without."""


class HubUnavailableError(AudioForgeError):
    """The hub failed too often in a row."""


@define
class Patience:
    """Failures in a row of each request (method and address), over all layers of retries.

    Attributes:
        tries: The number after which an error ends every layer of retries.
        failures: How often each request failed in a row, by the request.
        told: The requests of which the user was told.
    """

    tries: int = TRIES
    failures: Counter[str] = field(factory=Counter)
    told: set[str] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock, eq=False)

    def succeeded(self, what: str) -> None:
        """Begin to count anew."""
        with self._lock:
            self.failures.pop(what, None)

    def failed(self, what: str, reason: str) -> None:
        """Count a failure, and tell the user of a request's first one.

        Raises:
            HubUnavailableError: If it was the last one allowed.
        """
        with self._lock:
            self.failures[what] += 1
            failures, told = self.failures[what], what in self.told
            self.told.add(what)
        if failures >= self.tries:
            raise HubUnavailableError(f"{what} failed {failures} times in a row, last: {reason}")
        if not told:
            console.print_note(
                f"The hub does not answer ({what}: {reason}); trying again, or taking the cache's "
                "copy where it is whole."
            )


PATIENCE = Patience()


@contextmanager
def patience(tries: int = TRIES) -> Iterator[None]:
    """Count failures of the hub anew, and end after `tries` of them in a row.

    Args:
        tries: How often in a row.
    """
    _use_patient_client()
    before, PATIENCE.tries = PATIENCE.tries, tries
    PATIENCE.failures.clear()
    try:
        yield
    finally:
        PATIENCE.tries = before


@cache
def _use_patient_client() -> None:
    """Make the hub's client count, once for the process."""
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session, httpx, logging  # type: ignore[attr-defined]

    most_seconds = max(constants.HF_HUB_ETAG_TIMEOUT, constants.HF_HUB_DOWNLOAD_TIMEOUT)

    # Every request is counted as it fails or succeeds, whichever library retries it.
    class PatientClient(httpx.Client):
        def send(self, request: httpx.Request, **settings: Any) -> httpx.Response:
            limits = request.extensions.get("timeout", {})
            request.extensions["timeout"] = {
                part: min(limits.get(part) or most_seconds, most_seconds)
                for part in ("connect", "read", "write", "pool")
            }
            what = f"{request.method} {request.url.copy_with(query=None)}"
            if any(part in what for part in _ASIDE):
                return super().send(request, **settings)
            try:
                response = super().send(request, **settings)
            except httpx.TransportError as error:
                PATIENCE.failed(what, _described(error, most_seconds))
                raise
            if response.status_code in TEMPORARY:
                reason = f"HTTP status {response.status_code}"
                PATIENCE.failed(what, reason)
                if response.status_code != RATE_LIMITED:  # whose pause the server names
                    response.close()
                    raise httpx.ConnectError(reason)  # which every layer retries, a status few do
            elif response.is_closed:
                PATIENCE.succeeded(what)
            else:
                response.stream = PatientStream(what, response.stream)
            return response

    # A body may break off after its headers came well: it counts when it has been read.
    class PatientStream(httpx.SyncByteStream):
        def __init__(self, what: str, stream: Any) -> None:
            self._what, self._stream, self._bytes = what, stream, 0

        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in self._stream:
                    self._bytes += len(chunk)
                    yield chunk
            except httpx.TransportError as error:
                if self._bytes >= constants.DOWNLOAD_CHUNK_SIZE:  # what the client resumes after
                    PATIENCE.succeeded(self._what)
                PATIENCE.failed(self._what, _described(error, most_seconds))
                raise
            PATIENCE.succeeded(self._what)

        def close(self) -> None:
            self._stream.close()

    hooks = get_session().event_hooks  # the hub's own: offline mode, and the request's id
    huggingface_hub.set_client_factory(
        lambda: PatientClient(event_hooks=hooks, follow_redirects=True)
    )
    if "HF_HUB_VERBOSITY" not in os.environ:  # it would tell of each try, twice
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def _described(error: Exception, seconds: float) -> str:
    name = type(error).__name__
    if "Timeout" in name:
        return f"no answer within {seconds:g} s (HF_HUB_DOWNLOAD_TIMEOUT)"
    return f"{name}: {error}" if str(error) else name
