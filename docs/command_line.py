"""The page of the command line: what every command says with `--help`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from audioforge.cli import cli

WIDTH = 80
"""Columns of the terminal that is shown."""

HEAD = """# Command line

Written by `make docs` from the code; a test fails when they differ. What each command says with
`--help`. [configuration.md](configuration.md) has the settings of `train`, `benchmark` and `verify`
as tables, with units and ranges.
"""


def commands() -> Iterator[str]:
    """Yield the help of `audioforge`, and of each command below it."""
    yield from _help(cli, "audioforge", None)


def _help(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = command.make_context(
        name, [], parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    path = context.command_path
    yield f"{'##' if path.count(' ') < 2 else '###'} {path}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from _help(found, below, context)
