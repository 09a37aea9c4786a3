"""`audioforge plugins`: write, check, install and look at plugins. One file per command."""

from __future__ import annotations

import importlib
from typing import cast

import click

COMMANDS = {
    "list": "listing:list_plugins",
    "info": "info:info",
    "check": "check:check",
    "install": "install:install",
    "uninstall": "install:uninstall",
    "new": "new:new",
}
"""Each command's module and attribute; imported when it is called, or for `plugins --help`."""


class PluginsGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in their order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        return cast("click.Command", getattr(importlib.import_module(f"{__name__}.{module}"), name))


@click.group(cls=PluginsGroup)
def plugins() -> None:
    """List, look at, check, install and write plugins."""
