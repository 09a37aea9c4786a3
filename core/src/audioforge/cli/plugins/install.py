"""`audioforge plugins install` and `uninstall`: pip, in the environment that AudioForge runs in."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from audioforge.cli.plugins.listing import provided
from audioforge.errors import PluginError, UsageError, did_you_mean
from audioforge.plugin_reference import canonical
from audioforge.plugins import CORE, RESTRICT_VARIABLE, restriction
from audioforge.plugins.installed import plugin_distributions
from audioforge.terminal import console

WARNING = (
    "A plugin is code, and runs with your rights: while pip installs it, and whenever AudioForge "
    "loads it. Install only what you trust."
)
TOOLS = {
    "uv-receipt.toml": "uv tool upgrade audioforge keeps only what uv knows of: name a plugin "
    "with `uv tool install audioforge --with PLUGIN` to keep it.",
    "pipx_metadata.json": "pipx reinstall audioforge keeps only what pipx knows of: add a plugin "
    "with `pipx inject audioforge PLUGIN` to keep it.",
}
"""Files that mark the environment of a tool that installs applications, and what it forgets."""

EXAMPLE = """\b
  audioforge plugins install audioforge-politeness
  audioforge plugins install --editable ./audioforge-politeness
"""

PIP_SETTINGS = {"ignore_unknown_options": True, "max_content_width": 100}


@click.command(context_settings=PIP_SETTINGS, epilog=EXAMPLE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="PACKAGE...")
def install(arguments: tuple[str, ...]) -> None:
    """Install plugins with pip, and show what changed.

    PACKAGE and options are those of `pip install`. It runs in the environment that AudioForge runs
    in, also where pipx or uv tool made it. Exits with 1 if pip fails, or a plugin does not load.
    """
    if not arguments:
        raise click.UsageError("name at least one package, as for pip install")
    console.print_note(WARNING, style="yellow")
    before = installed_versions()
    run_pip("install", *arguments)
    changes = changes_since(before)
    try:
        rows = _listed_anew()
    except PluginError:
        _print_changes(changes, {})
        raise
    _print_changes(changes, rows)
    theirs = rows.keys() - {CORE}
    plugins = [change for change in changes if change.now and canonical(change.name) in theirs]
    if any(change.now for change in changes) and not plugins:
        _explain_no_plugin(changes)
    _warn_of_replaced([change for change in changes if change not in plugins])
    for note in environment_notes() if plugins else []:
        console.print_note(note)
    failed = [rows[canonical(c.name)] for c in plugins if rows[canonical(c.name)]["error"]]
    for row in failed:
        console.print_error(f"{row['distribution']} is installed, and failed: {row['error']}")
    if failed:
        click.get_current_context().exit(1)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="PLUGIN...")
def uninstall(names: tuple[str, ...]) -> None:
    """Remove plugins with pip, and show what changed.

    PLUGIN is the name of a distribution, as `plugins list` shows it. What a plugin needed stays.
    """
    known = {canonical(name): name for name in plugin_distributions() - {CORE}}
    for name in names:
        if canonical(name) == CORE:
            raise UsageError(f"'{name}' is AudioForge itself; remove it with pip if you mean that")
        if canonical(name) not in known:
            raise UsageError(
                f"no installed plugin is called '{name}'. {did_you_mean(name, known.values())}"
            )
    before = installed_versions()
    run_pip("uninstall", "--yes", *names)
    changes = changes_since(before)
    _print_changes(changes, {})
    if left := {canonical(name) for name in names} & set(map(canonical, plugin_distributions())):
        raise PluginError(f"{', '.join(sorted(left))}: is still there; see what pip says above")
    for change in changes:
        for other in _needing(change.name):
            console.print_note(f"Warning: {other} needs {change.name}", style="yellow")


@frozen
class Change:
    """What became of one distribution.

    Attributes:
        name: Name of the distribution.
        before: The version that was installed; empty when there was none.
        now: The version that is installed now; empty when there is none.
    """

    name: str
    before: str
    now: str


def installed_versions() -> dict[str, tuple[str, float]]:
    """Return the version of each installed distribution, and when it was installed."""
    importlib.invalidate_caches()
    found: dict[str, tuple[str, float]] = {}
    for distribution in metadata.distributions():
        # The first one on the path is the one that is imported.
        found.setdefault(distribution.name, (distribution.version, _time(distribution)))
    return found


def _time(distribution: metadata.Distribution) -> float:
    """Return when a distribution was written; a reinstallation of a version changes it."""
    try:
        folder = Path(str(distribution.locate_file("")))
        records = [file for file in distribution.files or [] if file.name == "METADATA"]
        return (folder / records[0]).stat().st_mtime_ns if records else 0.0
    except OSError:
        return 0.0


def changes_since(before: dict[str, tuple[str, float]]) -> list[Change]:
    """Return what was added, removed or replaced, by name."""
    now = installed_versions()
    return [
        Change(name, before.get(name, ("", 0))[0], now.get(name, ("", 0))[0])
        for name in sorted({*before, *now}, key=canonical)
        if before.get(name) != now.get(name)
    ]


def run_pip(*arguments: str) -> None:
    """Run pip in the environment of this process; what it prints goes to stderr.

    Raises:
        PluginError: If it is not there, or fails.
    """
    if importlib.util.find_spec("pip") is None:
        raise PluginError(
            f"pip is not installed in {sys.prefix}, where AudioForge runs: install it there, as by "
            f"`{sys.executable} -m ensurepip`"
        )
    # -P: a folder called pip in the working directory is not what runs.
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, check=False, stdout=sys.stderr)  # noqa: S603
    if done.returncode:
        raise PluginError(f"pip {arguments[0]} failed, as it says above; nothing else was done")


def _listed_anew() -> dict[str, dict[str, Any]]:
    """Return the rows of `plugins list` by canonical name, as a new process finds them.

    This one has read the path and imported modules before pip changed them.
    """
    command = [sys.executable, "-P", "-m", "audioforge", "plugins", "list", "--json"]
    done = subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    try:
        rows = json.loads(done.stdout)
    except ValueError as error:  # it ended early: what was installed ends the process
        raise PluginError(
            f"pip is done, and `audioforge plugins list` fails now: {done.stderr.strip()[-1000:]}"
        ) from error
    return {canonical(row["distribution"]): row for row in rows}


def _print_changes(changes: list[Change], rows: dict[str, dict[str, Any]]) -> None:
    if not changes:
        console.print_line("nothing changed")
        return
    table = []
    for change in changes:
        row = rows.get(canonical(change.name))
        provides = provided(row["provides"]) if row else "-"
        table.append((change.name, change.before or "-", change.now or "-", provides))
    console.print_table(("distribution", "before", "now", "provides"), table)


def _warn_of_replaced(changes: list[Change]) -> None:
    """Say which libraries that were there have another version now: others may need the old one."""
    replaced = [
        f"{change.name} {change.before} → {change.now}"
        for change in changes
        if change.before and change.now and change.before != change.now
    ]
    if replaced:
        console.print_note(
            f"Warning: pip replaced libraries that were there: {', '.join(replaced)}",
            style="yellow",
        )


def _explain_no_plugin(changes: list[Change]) -> None:
    if restriction() is not None:
        console.print_note(
            f"{RESTRICT_VARIABLE} is '{restriction()}': what was installed is not loaded."
        )
        return
    names = ", ".join(change.name for change in changes if change.now)
    console.print_note(
        f"Warning: no AudioForge plugin is among what was installed ({names}): none has an entry "
        f"point of the group audioforge",
        style="yellow",
    )


def environment_notes() -> list[str]:
    """Return what to know of an environment that another tool made."""
    return [note for file, note in TOOLS.items() if (Path(sys.prefix) / file).is_file()]


def _needing(name: str) -> list[str]:
    """Return the installed distributions that require another, extras aside."""
    needing = set()
    for distribution in metadata.distributions():
        for requirement in distribution.requires or []:
            required = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            if canonical(required) == canonical(name) and "extra ==" not in requirement:
                needing.add(distribution.name)
    return sorted(needing)
