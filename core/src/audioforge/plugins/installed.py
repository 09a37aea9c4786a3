"""Which plugins are installed: entry points, read from metadata without importing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from attrs import frozen

from audioforge.errors import describe
from audioforge.plugin_reference import canonical

GROUP = "audioforge"
"""Entry-point group of plugins."""

COMMANDS_GROUP = f"{GROUP}.commands"
"""Entry-point group of subcommands."""

RESTRICT_VARIABLE = "AUDIOFORGE_PLUGINS"

CORE = "audioforge"
"""The distribution of the engine, which registers what it brings as every plugin does."""

OWN_DISTRIBUTIONS = frozenset(
    {
        CORE,
        "audioforge-whisper",
        "audioforge-wav2vec",
        "audioforge-speecht5",
        "audioforge-pocket-tts",
        "audioforge-classification",
        "audioforge-verifiers",
        "audioforge-datasets",
        "audioforge-demo",
        "audioforge-export",
        "audioforge-kit",
        "audioforge-ray",
    }
)
"""AudioForge's own distributions: a name that one of these holds keeps meaning theirs."""


def restriction() -> str | None:
    """Return the value of `AUDIOFORGE_PLUGINS`; None when it is not set."""
    return os.environ.get(RESTRICT_VARIABLE)


@frozen
class Unreadable:
    """What is installed and cannot be read.

    Attributes:
        name: Name of the distribution, as far as it can be seen.
        reason: What is wrong with its metadata.
    """

    name: str
    reason: str


def installed_entry_points(
    group: str, names: str | None, unreadable: list[Unreadable] | None = None
) -> Iterator[tuple[metadata.EntryPoint, str, str]]:
    """Yield a group's entry points, each with its distribution and version, sorted by these.

    Args:
        group: Name of the group of entry points.
        names: Comma-separated distributions to keep, none when empty, all when None.
        unreadable: Gets the distributions whose metadata are broken, which hides their plugins.
    """
    wanted = None if names is None else set(map(canonical, split_names(names)))
    if wanted is not None and not wanted:
        return
    found = [
        (entry_point, name, version)
        for entry_points, name, version in _distributions(group, unreadable)
        if wanted is None or canonical(name) in wanted
        for entry_point in entry_points
    ]
    yield from sorted(found, key=lambda item: (canonical(item[1]), item[0].name))


def _distributions(
    group: str, unreadable: list[Unreadable] | None = None
) -> Iterator[tuple[metadata.EntryPoints, str, str]]:
    """Yield the entry points of each distribution that has some, with its name and version.

    Each is read by itself: importlib's own search stops for all at the first one that is damaged.
    Of distributions of one name, the first on the path is the one that is imported.
    """
    seen = set()
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt") or ""
            if f"[{group}]" not in text.replace(" ", ""):
                continue
            entry_points = distribution.entry_points.select(group=group)
            name, version = distribution.metadata["Name"], distribution.metadata["Version"] or ""
            if not name:
                raise ValueError("its METADATA has no name")
        except Exception as error:  # a file that was cut short or is in another encoding
            if unreadable is not None:
                folder = getattr(distribution, "_path", None) or distribution.locate_file("")
                unreadable.append(Unreadable(Path(str(folder)).name, describe(error)))
            continue
        if canonical(name) not in seen:
            seen.add(canonical(name))
            yield entry_points, name, version


def module_name_of(entry_point: metadata.EntryPoint) -> str:
    """Return the module that an entry point names."""
    return entry_point.value.partition(":")[0].partition("[")[0].strip()


def plugin_distributions() -> set[str]:
    """Return the names of all distributions with a plugin or a subcommand."""
    return {name for group in (GROUP, COMMANDS_GROUP) for _, name, _ in _distributions(group)}


def split_names(names: str) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name.strip() for name in names.split(",") if name.strip()]
