"""`audioforge plugins list`: what is installed, what it registers, and why something failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from audioforge.cli import COMMANDS
from audioforge.cli.plugin_commands import plugin_commands
from audioforge.cli.plugin_option import plugin_option
from audioforge.plugins import CORE, RESTRICT_VARIABLE, Registry, discover, restriction
from audioforge.specs import KINDS
from audioforge.terminal import console


@click.command("list")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """List every plugin: version, status, the API it was built for, what it registers."""
    rows = plugin_rows(discover(files=plugin_files))
    if as_json:
        console.print_json(rows)
        return
    console.print_table(
        ("distribution", "version", "status", "API", "provides"),
        [
            (
                row["distribution"],
                row["version"] or "-",
                row["status"],
                str(row["api_version"] or "-"),
                provided(row["provides"]),
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["error"]:
            console.print_line(f"\n{row['distribution']}: {row['error']}", style="red")
    if not others(rows):
        console.print_line(f"\n{_no_other()}")


def plugin_rows(registry: Registry) -> list[dict[str, Any]]:
    """Return one record per distribution, as `plugins list --json` prints them.

    A distribution with several entry points is one record: "failed" when any of them failed, with
    what the others provide.
    """
    rows: dict[str, dict[str, Any]] = {}
    errors: dict[str, list[str]] = {}
    for plugin in registry.plugins:
        row = rows.setdefault(plugin.distribution, _row(plugin.distribution, plugin.version))
        if row["api_version"] is None or plugin.errors:  # of several, the one that is told about
            row["api_version"] = plugin.api_version
        for kind in KINDS:
            row["provides"][kind] += sorted(spec.name for spec in plugin.provides[kind])
        errors.setdefault(plugin.distribution, []).extend(plugin.errors)
    for command in plugin_commands(COMMANDS):
        row = rows.setdefault(command.distribution, _row(command.distribution, command.version))
        row["provides"]["commands"].append(command.name)
        if command.conflict:
            errors.setdefault(command.distribution, []).append(command.conflict)
    for name, reasons in errors.items():
        if reasons:
            rows[name] |= {"status": "failed", "error": "; ".join(reasons)}
    return [rows[name] for name in sorted(rows)]


def others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of what is there besides the engine."""
    return [row for row in rows if row["distribution"] != CORE]


def _row(distribution: str, version: str) -> dict[str, Any]:
    return {
        "distribution": distribution,
        "version": version,
        "status": "ok",
        "error": None,
        "api_version": None,
        "provides": {kind: [] for kind in (*KINDS, "commands")},
    }


def provided(provides: dict[str, list[str]]) -> str:
    """Return what a distribution provides, on one line."""
    parts = [f"{kind}: {', '.join(names)}" for kind, names in provides.items() if names]
    return "; ".join(parts) or "-"


def _no_other() -> str:
    names = restriction()
    if names is not None:
        return f"No other plugin is loaded: {RESTRICT_VARIABLE} is '{names}'. Unset it to load all."
    return (
        "No other plugin is installed. Install audioforge[whisper], audioforge[verifiers], "
        "audioforge[datasets] and audioforge[demo], or audioforge[all]."
    )
