"""`audioforge plugins`: write, check, install and look at plugins. One file per command."""

from __future__ import annotations

import importlib
import importlib.util
from typing import cast

import click

from audioforge.errors import UsageError

COMMANDS = {
    "list": "List every plugin: version, status, the API it was built for, what it provides.",
    "info": "Show what a plugin provides, or one thing with its options, metrics and an example.",
    "check": "Check that a plugin does what its contract says.",
    "install": "Install plugins with pip, and show what changed.",
    "uninstall": "Remove plugins with pip, and show what changed.",
    "new": "Write the package audioforge-NAME: a plugin that works, with tests that pass.",
}
"""The commands with the line that `--help` shows."""

PLACES = {
    "list": "audioforge.cli.plugins.listing:list_plugins",
    "info": "audioforge.cli.plugins.info:info",
    "check": "audioforge_kit.check_command:check",
    "install": "audioforge.cli.plugins.install:install",
    "uninstall": "audioforge.cli.plugins.install:uninstall",
    "new": "audioforge_kit.new_command:new",
}
"""Each command's module and attribute; those for authors of plugins are in `audioforge-kit`."""


class PluginsGroup(click.Group):
    """A group whose commands are imported when they are called, never to list them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in their order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when there is none.

        Raises:
            UsageError: If it is of `audioforge-kit`, which is not installed.
        """
        if cmd_name not in COMMANDS:
            return None
        module, _, name = PLACES[cmd_name].partition(":")
        package = module.partition(".")[0]
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"the command 'plugins {cmd_name}' is not installed: install audioforge[kit]."
            )
        return cast("click.Command", getattr(importlib.import_module(module), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=PluginsGroup)
def plugins() -> None:
    """List, look at, check, install and write plugins."""
