"""Where a cluster is, whether anything answers there, and why it lets nobody in."""

from __future__ import annotations

import socket

from ray._private import services

from audioforge.errors import UsageError, describe
from audioforge_ray.options import AUTO

REACHED_SECONDS = 5.0
"""For a connection to the address; Ray itself would try for a quarter of an hour."""
START = "ray start --head on one machine, and ray start --address=HOST:PORT on the others"


def found_at(address: str) -> str:
    """Return where a cluster is that answers, as HOST:PORT.

    Args:
        address: "auto" or HOST:PORT.

    Raises:
        UsageError: If there is none, or nothing answers there.
    """
    start = f"executor: ray.address: {address}"
    try:
        named = services.get_ray_address_from_environment(address, None)
        found = services.canonicalize_bootstrap_address(named)
    except (ConnectionError, ValueError, OSError) as error:
        # Ray's own words for the first name an option that is not ours.
        why = "no Ray runs on this machine" if address == AUTO else describe(error).rstrip(".")
        raise UsageError(
            f"{start}: {why}. A cluster is started with {START}; without one, leave the address "
            f"out."
        ) from error
    if found is None:
        raise UsageError(
            f"{start}: RAY_ADDRESS is {named}. Unset it, or leave the address out for a cluster of "
            f"this machine."
        )
    problem = silence(found)
    # For 127.0.0.1 Ray takes the address of this machine, which such a cluster may not listen at.
    if problem is not None and named != found and silence(named) is None:
        return str(named)
    if problem is not None:
        raise UsageError(
            f"{start}: nothing answers at {found}: {problem}. If a cluster should be there, look "
            f"at it with `ray status` on its head; one is started with {START}."
        )
    return found


def silence(address: str) -> str | None:
    """Return why nothing answers at HOST:PORT; None where something does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        return describe(error)
    return None


def refusal(address: str, error: Exception) -> str:
    """Return why a cluster cannot be joined, with the mend."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        if not isinstance(cause, Exception):
            break
        causes.append(cause)
    told = " ".join(map(describe, causes))
    start = f"executor: ray.address: {address}: "
    if "token" in told.lower() or "unauthenticated" in told.lower():
        return (
            f"{start}the cluster asks for its token, and this machine has none or another. Copy "
            f"~/.ray/auth_token of its head to this machine, or set RAY_AUTH_TOKEN, and set "
            f"RAY_AUTH_MODE=token."
        )
    if "version" in told.lower():
        return f"{start}{describe(error)}. Install the same Python and Ray here as there."
    return (
        f"{start}it answers, but not as a Ray cluster that this machine can join: "
        f"{describe(error)}. The port is that of `ray start --head`, 6379 if none was named."
    )
