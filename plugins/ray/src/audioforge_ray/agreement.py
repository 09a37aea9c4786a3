"""Whether the workers of a cluster can do the same as this process: what they are, side by side.

No Ray is started here: what workers say of themselves is compared, and what differs is named.
"""

from __future__ import annotations

import ipaddress
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from audioforge.errors import ConfigError, UsageError, listed
from audioforge.executor import Outline
from audioforge.plugins import discover
from audioforge.run.environment import library_versions

if TYPE_CHECKING:
    from audioforge_ray.worker import WorkerFacts

NAMED = 10
"""Differences that a message names."""


def versions_here() -> dict[str, str | None]:
    """Return the versions of everything that results can depend on, plugins included."""
    plugins = {plugin.distribution: plugin.version for plugin in discover().plugins}
    own = {"python": platform.python_version(), "ray": version("ray")}
    return own | library_versions() | plugins


def require_same(own: Mapping[str, str | None], facts: Iterable[WorkerFacts]) -> None:
    """Refuse nodes on which something else is installed, or lies where settings name files.

    Args:
        own: The versions of the driver.
        facts: What the workers say of themselves.

    Raises:
        UsageError: Naming nodes, packages and both versions.
        ConfigError: Naming nodes and files.
    """
    facts = list(facts)
    require_same_versions(own, facts)
    if wrong := list(dict.fromkeys(problem for fact in facts for problem in fact.problems)):
        raise ConfigError(wrong)


def require_same_versions(own: Mapping[str, str | None], facts: Iterable[WorkerFacts]) -> None:
    """Refuse nodes on which something else is installed.

    Args:
        own: The versions of this process.
        facts: What the workers say of themselves.

    Raises:
        UsageError: Naming nodes, packages and both versions.
    """
    found = version_differences(own, facts)
    if found:
        raise UsageError(
            f"nodes of the cluster have other versions than this process: "
            f"{listed(found, NAMED)}. Install the same everywhere (constraints.txt says which), "
            f"or take the node out of the cluster."
        )


def version_differences(own: Mapping[str, str | None], facts: Iterable[WorkerFacts]) -> list[str]:
    """Return what is installed otherwise on a node, each difference once."""
    differences: dict[str, None] = {}
    for fact in facts:
        for name in sorted(own.keys() | fact.versions.keys()):
            here, there = own.get(name), fact.versions.get(name)
            if _compared(name, here) != _compared(name, there):
                told = f"{fact.host} has {_told(name, there)}, and here is {_told(name, here)}"
                differences[told] = None
    return list(differences)


def require_folder_seen(folder: Path, facts: Iterable[WorkerFacts]) -> None:
    """Refuse nodes that do not see the run folder.

    Raises:
        UsageError: Naming the nodes and the folder.
    """
    blind = sorted({fact.host for fact in facts if not fact.sees})
    if blind:
        raise UsageError(
            f"{folder}: {listed(blind, NAMED)} {'do' if len(blind) > 1 else 'does'} not see this "
            f"run folder: what was written there just now is not there. Choose an --output in a "
            f"folder that all nodes share, mounted at the same place."
        )


def require_known_elsewhere(outline: Outline) -> None:
    """Refuse functions of this Python program: no other process knows them.

    Raises:
        UsageError: Naming them.
    """
    if outline.given:
        raise UsageError(
            f"{listed(outline.given)}: given as a function in Python, which the workers of a "
            f"cluster do not know. Write it into a plugin file and name that with --plugin, or "
            f"make a plugin of it: audioforge plugins new."
        )


def open_address(addresses: Sequence[str], *, asks_for_token: bool) -> str | None:
    """Return the warning that a cluster can be reached from elsewhere; None where it cannot.

    Args:
        addresses: Of its nodes.
        asks_for_token: Whether Ray lets in only who knows the cluster's token.
    """
    reached = sorted({address for address in addresses if not is_loopback(address)})
    if not reached:
        return None
    where = listed(reached, NAMED)
    if asks_for_token:
        outside = [address for address in reached if is_global(address)]
        if not outside:
            return None
        return (
            f"Ray listens at {listed(outside, NAMED)}, which the internet may reach: only its "
            f"token keeps others from running code there. Let a firewall close its ports; see "
            f"docs/clusters.md."
        )
    return (
        f"Ray listens at {where} and asks for no token: whoever reaches its ports runs code there. "
        f"Start the nodes with RAY_AUTH_MODE=token, or let a firewall close its ports; see "
        f"docs/clusters.md."
    )


def is_loopback(address: str) -> bool:
    """Return whether an address is reached from its own machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def is_global(address: str) -> bool:
    """Return whether an address may be reached from anywhere."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # a name; what it stands for is not looked up
        return False


def _compared(name: str, version: str | None) -> str | None:
    """Return what of a version results depend on: not for which device it was built.

    >>> _compared("torch", "2.14.1+cu128"), _compared("python", "3.11.7")
    ('2.14.1', '3.11')
    """
    if version is None:
        return None
    if name == "python":
        return ".".join(version.split(".")[:2])
    return version.partition("+")[0]


def _told(name: str, version: str | None) -> str:
    return f"no {name}" if version is None else f"{name} {version}"


def told_versions(versions: Mapping[str, str | None], names: Sequence[str]) -> Iterator[str]:
    """Yield versions in words, of what is installed."""
    for name in names:
        if versions.get(name) is not None:
            yield f"{name} {versions[name]}"
