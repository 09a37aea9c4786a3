"""The command line: `audioforge COMMAND`.

The group is lazy: a command's module is imported when that command is called, never to list it.
So `audioforge --help` is quick, and a broken plugin cannot take the other commands down.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Any, cast

import click

from audioforge.cli.foreign_text import escape_foreign_text
from audioforge.cli.plugin_commands import PluginCommand, plugin_commands
from audioforge.cli.sections import CONTEXT
from audioforge.errors import AudioForgeError, PluginError, UsageError, did_you_mean
from audioforge.isolation.time_limit import end_stuck_process
from audioforge.plugins import RESTRICT_VARIABLE, restriction
from audioforge.terminal.escapes import one_line

COMMANDS = {
    "train": "Train a model from verifiable rewards (RAFT).",
    "benchmark": "Measure a model on a dataset: corpus metrics with a 95 % interval, and speed.",
    "transcribe": "Write what is said in recordings of any length: text, subtitles, JSON.",
    "compare": "Compare runs: settings, metrics, and the utterances on which they differ.",
    "runs": "List the runs below a folder, and make room.",
    "verify": "Score what another system produced: no model, no training.",
    "report": "Make the page of a run: did it help, where, why, what exactly, at what cost.",
    "export": "Write a checkpoint for another engine.",
    "push": "Publish a checkpoint on the Hugging Face hub, with its model card.",
    "datasets": "List the datasets and formats that can be read, show one, or convert it.",
    "presets": "List settings that go together, or show why.",
    "models": "List model adapters and known checkpoints.",
    "plugins": "List, look at, check, install and write plugins.",
    "doctor": "Check this machine, and say what to mend.",
    "completion": "Print a script that lets bash, zsh or fish complete commands and names.",
}
"""Own commands with the line that `--help` shows; `x` is the attribute x of `audioforge.cli.x`."""

EXTRAS = {"demo": "audioforge[demo]"}
"""Commands of AudioForge's own plugins, and what to install for each."""

INTERRUPTED = 130
"""Exit code of a run that was stopped by the keyboard: 128 + SIGINT, as shells have it."""


STORAGE_FAULTS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.ESTALE,
    }
)
"""What a disk says that is full, takes nothing or fails: no bug, and no traceback."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return own commands in their order, then those of plugins."""
        return [*COMMANDS, *_plugin_summaries()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when nobody has it.

        Raises:
            PluginError: If it is a plugin's and cannot be imported, or if two plugins hold it.
        """
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"audioforge.cli.{cmd_name}")
            return cast("click.Command", getattr(module, cmd_name))
        holders = [c for c in plugin_commands(COMMANDS) if c.is_called(cmd_name)]
        return _choose(cmd_name, holders).load() if holders else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments start with.

        Raises:
            UsageError: If there is none, with the close names.
        """
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise UsageError(_no_such_command(name, self.list_commands(ctx)))
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            theirs = [(one_line(n), one_line(text)) for n, text in _plugin_summaries().items()]
            formatter.write_dl([*COMMANDS.items(), *theirs])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that a user can mend is shown without a traceback.

        Anything else is a bug, and its traceback is what a report of it needs.
        """
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where Click still answers a closed pipe quietly
            return result
        except AudioForgeError as error:
            _show_error(str(error))
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno not in STORAGE_FAULTS:
                raise
            where = f"{error.filename}: " if error.filename else ""
            mend = "Make room or give permission, or choose another place."
            _show_error(f"{where}cannot be read or written: {error.strerror}. {mend}")
            ctx.exit(1)
        except (KeyboardInterrupt, click.Abort):
            _show_error("interrupted")
            ctx.exit(INTERRUPTED)


def _plugin_summaries() -> dict[str, str]:
    """Return what `--help` says of each command of a plugin, by the name that calls it."""
    return {
        (command.full_name if command.conflict else command.name): command.summary
        for command in plugin_commands(COMMANDS)
    }


def _choose(name: str, holders: list[PluginCommand]) -> PluginCommand:
    clear = [c for c in holders if not c.conflict or "/" in name]
    if len(clear) == 1:
        return clear[0]
    choices = " or ".join(sorted({c.full_name for c in holders}))
    raise PluginError(f"command '{name}' is provided by more than one plugin: choose {choices}.")


def _no_such_command(name: str, known: list[str]) -> str:
    if name not in EXTRAS:
        return f"no command is called '{name}'. {did_you_mean(name, known)}"
    kept_out = restriction()
    hint = "" if kept_out is None else f" {RESTRICT_VARIABLE} is '{kept_out}' and may keep it out."
    return f"the command '{name}' is not installed: install {EXTRAS[name]}.{hint}"


def _show_error(text: str) -> None:
    from audioforge.terminal import console  # rich is needed only now

    console.print_error(text)


@click.group(
    cls=LazyGroup,
    context_settings=CONTEXT,
    epilog="audioforge COMMAND --help describes a command.",
)
@click.version_option(package_name="audioforge", message="audioforge %(version)s")
def cli() -> None:
    """Train speech models from verifiable rewards."""


def _prints_document(arguments: list[str]) -> bool:
    """Whether one of our own commands is to print what a program reads: JSON, or transcripts."""
    if not arguments or arguments[0] not in COMMANDS or {"-h", "--help"} & set(arguments):
        return False
    return "--json" in arguments or arguments[0] == "transcribe"


def main() -> None:
    """Run the command line with the arguments of this process; does not return."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed; a file opened later must not get its number
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character shows its escape
            stream.reconfigure(errors="backslashreplace")
    escape_foreign_text()
    end_stuck_process()
    if _prints_document(sys.argv[1:]):
        from audioforge.terminal import console

        console.reserve_stdout()
    cli(prog_name="audioforge")
