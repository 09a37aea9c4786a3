"""Subcommands that plugins add: read from the entry points without importing any of them."""

from __future__ import annotations

from collections.abc import Collection
from importlib import metadata

import click
from attrs import frozen

from audioforge.errors import PluginError, describe
from audioforge.isolation.time_limit import OutOfTime, call_within
from audioforge.plugin_reference import canonical
from audioforge.plugins.api_version import mismatch, source_of, written_version
from audioforge.plugins.installed import (
    COMMANDS_GROUP,
    GROUP,
    OWN_DISTRIBUTIONS,
    installed_entry_points,
    module_name_of,
    restriction,
)
from audioforge.plugins.registry import IMPORT_SECONDS


@frozen
class PluginCommand:
    """One subcommand of a plugin.

    Attributes:
        name: What the user types.
        distribution: Name of the distribution that brings it.
        version: Version of the distribution.
        summary: One line for `--help`: what the distribution says of itself.
        entry_point: What to import.
        conflict: Why the plain name does not mean this one; None when it does.
    """

    name: str
    distribution: str
    version: str
    summary: str
    entry_point: metadata.EntryPoint
    conflict: str | None = None

    @property
    def full_name(self) -> str:
        """`distribution/name`, which is always unambiguous."""
        return f"{self.distribution}/{self.name}"

    def is_called(self, name: str) -> bool:
        """Whether `name` is the plain or the full name, however the distribution is spelt."""
        distribution, slash, plain = name.rpartition("/")
        mine = not slash or canonical(distribution) == canonical(self.distribution)
        return mine and plain == self.name

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            PluginError: If that fails or gives no command, with the reason and the distribution.
        """
        where = f"the command '{self.full_name}' ({self.entry_point.value})"
        for plugin, _, _ in installed_entry_points(GROUP, self.distribution):
            if reason := mismatch(written_version(source_of(module_name_of(plugin)) or "")):
                raise PluginError(f"{where} cannot be used: {reason}")
        try:
            command = call_within(IMPORT_SECONDS, self.entry_point.load)
        except KeyboardInterrupt:
            raise
        except OutOfTime as error:
            raise PluginError(
                f"{where} cannot be imported within {IMPORT_SECONDS:g} s. "
                f"Mend or update {self.distribution}."
            ) from error
        except BaseException as error:  # whatever its module raises is that plugin's failure
            raise PluginError(
                f"{where} cannot be imported: {describe(error)}. "
                f"Reinstall or update {self.distribution}."
            ) from error
        if not isinstance(command, click.Command):
            raise PluginError(f"{where} is no Click command. Update {self.distribution}.")
        return command


def plugin_commands(own_names: Collection[str]) -> list[PluginCommand]:
    """Return the subcommands of the plugins that `AUDIOFORGE_PLUGINS` lets in.

    Args:
        own_names: Commands of AudioForge itself, which no plugin can take.
    """
    entries = list(installed_entry_points(COMMANDS_GROUP, restriction()))
    commands = []
    for entry_point, distribution, version in entries:
        holders = [d for e, d, _ in entries if e.name == entry_point.name]
        conflict = _conflict(entry_point.name, distribution, holders, own_names)
        commands.append(
            PluginCommand(
                entry_point.name,
                distribution,
                version,
                _summary(entry_point),
                entry_point,
                conflict,
            )
        )
    return commands


def _conflict(
    name: str, distribution: str, holders: list[str], own_names: Collection[str]
) -> str | None:
    others = [holder for holder in holders if holder != distribution]
    if name in own_names:
        others = ["audioforge"]
    elif [holder for holder in holders if holder in OWN_DISTRIBUTIONS] == [distribution]:
        return None
    if not others:
        return None
    return (
        f"command '{name}' is also provided by {', '.join(others)}: "
        f"ask for it as '{distribution}/{name}'"
    )


def _summary(entry_point: metadata.EntryPoint) -> str:
    summary = entry_point.dist.metadata["Summary"] if entry_point.dist else None
    return summary or entry_point.value
