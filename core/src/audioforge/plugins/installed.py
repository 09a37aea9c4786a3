"""Which plugins are installed: entry points, read from metadata without importing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import metadata

from audioforge.spelling import canonical

GROUP = "audioforge"
"""Entry-point group of plugins."""

COMMANDS_GROUP = f"{GROUP}.commands"
"""Entry-point group of subcommands."""

RESTRICT_VARIABLE = "AUDIOFORGE_PLUGINS"
OWN_DISTRIBUTIONS = frozenset(
    {
        "audioforge-whisper",
        "audioforge-wav2vec",
        "audioforge-classification",
        "audioforge-verifiers",
        "audioforge-datasets",
        "audioforge-demo",
    }
)
"""AudioForge's own plugins: a name that one of these holds keeps meaning theirs."""


def restriction() -> str | None:
    """Return the value of `AUDIOFORGE_PLUGINS`; None when it is not set."""
    return os.environ.get(RESTRICT_VARIABLE)


def installed_entry_points(
    group: str, names: str | None
) -> Iterator[tuple[metadata.EntryPoint, str, str]]:
    """Yield a group's entry points, each with its distribution and version, sorted by these.

    Args:
        group: Of the entry points.
        names: Comma-separated distributions to keep, none when empty, all when None.
    """
    wanted = None if names is None else set(map(canonical, split_names(names)))
    found = []
    for entry_point in metadata.entry_points(group=group):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        version = entry_point.dist.version if entry_point.dist else ""
        if wanted is None or canonical(distribution) in wanted:
            found.append((entry_point, distribution, version))
    yield from sorted(found, key=lambda item: (canonical(item[1]), item[0].name))


def plugin_distributions() -> set[str]:
    """Return the names of all distributions with a plugin or a subcommand."""
    return {
        distribution
        for group in (GROUP, COMMANDS_GROUP)
        for _, distribution, _ in installed_entry_points(group, None)
    }


def split_names(names: str) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name.strip() for name in names.split(",") if name.strip()]
