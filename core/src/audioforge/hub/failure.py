"""What went wrong with the hub, in words that say what to do."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from audioforge.hub.patience import TEMPORARY, HubUnavailableError

T = TypeVar("T")

PAUSES_S = (1, 2, 4, 8)
"""Before each further try, in seconds."""

_NOT_WRITTEN = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    }
)
"""What writing to a cache that is full, read-only, somebody else's or no folder gives."""


def explain_hub_failure(error: BaseException, *, page: str) -> str | None:
    """Return what is wrong and what to do, or None when it is nothing of the hub's or its cache's.

    Args:
        error: What a client of the hub raised.
        page: The thing's page on the hub, without the address, such as "datasets/owner/name".
    """
    from huggingface_hub import constants, errors

    # The clients ask for files that may be absent, so that an absent one is the matter only itself.
    chain = [e for e in causes(error) if e is error or not isinstance(e, errors.EntryNotFoundError)]

    def first(kind: type[BaseException]) -> BaseException | None:
        return next((e for e in chain if isinstance(e, kind)), None)

    if unavailable := first(HubUnavailableError):
        return (
            f"the hub cannot be reached, or not now: {unavailable}. Check the network and try "
            "again, or give a local copy; with HF_HUB_OFFLINE=1 only the cache is asked"
        )
    if first(errors.OfflineModeIsEnabled):
        return (
            "the hub cannot be reached, since HF_HUB_OFFLINE is set, and the cache "
            f"({constants.HF_HUB_CACHE}) does not hold all of it. Unset HF_HUB_OFFLINE once to "
            "fetch it, or give a local copy"
        )
    if first(errors.GatedRepoError):
        return explain_gated(page)
    if first(errors.RepositoryNotFoundError):
        return f"the hub has nothing of that name, or it is private. {explain_absent(page)}"
    if (answer := first(errors.HfHubHTTPError)) is not None:
        assert isinstance(answer, errors.HfHubHTTPError)
        return _refused(answer.response.status_code, answer.server_message)
    return _not_stored(chain)


def explain_gated(page: str) -> str:
    """Return what to do about something whose owner wants terms to be accepted first.

    Args:
        page: As for `explain_hub_failure`.
    """
    from huggingface_hub import constants

    return (
        f"it is gated: accept its terms on {constants.ENDPOINT}/{page}. Then {_token()}. What has "
        f"been fetched is read from the cache ({constants.HF_HOME}) without asking again with "
        "HF_HUB_OFFLINE=1"
    )


def explain_absent(page: str) -> str:
    """Return what to do about something that is not there, or private, which the hub calls alike.

    Args:
        page: As for `explain_hub_failure`.
    """
    from huggingface_hub import constants

    return f"Check the spelling: {constants.ENDPOINT}/{page}. For a private one, {_token()}"


def _token() -> str:
    """Return what to do about the token that the hub knows a user by."""
    from huggingface_hub import get_token

    if get_token() is None:
        return "log in with: hf auth login, or set HF_TOKEN"
    return (
        "the token in use must be one of an account that may read it: log in with: hf auth login, "
        "or change HF_TOKEN where it is set"
    )


def is_temporary(error: BaseException) -> bool:
    """Whether it makes sense to try the same again."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    return any(
        isinstance(cause, httpx.TransportError)
        or (isinstance(cause, errors.HfHubHTTPError) and cause.response.status_code in TEMPORARY)
        or "Consistency check failed" in str(cause)  # a file of another size than was said
        for cause in causes(error)
    )


def retried(action: Callable[[], T]) -> T:
    """Return what an action gives, which is tried again after a failure that may pass.

    Args:
        action: Anything that asks the hub, and can be repeated.
    """
    for pause_s in PAUSES_S:
        try:
            return action()
        except HubUnavailableError:
            raise
        except Exception as error:
            if not is_temporary(error):
                raise
        time.sleep(pause_s)
    return action()


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _refused(status: int, message: str | None) -> str:
    said = f"HTTP status {status}" + (f": {message}" if message else "")
    if status in (401, 403):
        return (
            f"the hub refuses access ({said}). The token may be wrong, expired or without the "
            "right to read it: unset HF_TOKEN or log in again with: hf auth login"
        )
    if status in TEMPORARY:
        return f"the hub cannot serve it now ({said}). Try again later, or give a local copy"
    return f"the hub does not give it ({said}). Check the name, or give a local copy"


def _not_stored(chain: list[BaseException]) -> str | None:
    from huggingface_hub import constants

    for error in chain:
        if isinstance(error, OSError) and error.errno in _NOT_WRITTEN:
            where = f" ({error.filename})" if error.filename else ""
            return (
                f"the cache {constants.HF_HOME} cannot be written{where}: {error.strerror}. Make "
                "room or give permission, or set HF_HOME to another folder"
            )
    return None
