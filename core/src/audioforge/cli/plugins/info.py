"""`audioforge plugins info`: all there is to know of a plugin, or of one thing that it provides."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import click

from audioforge.cli.plugin_option import plugin_option
from audioforge.errors import PluginError, did_you_mean
from audioforge.plugin_reference import canonical
from audioforge.plugins import Plugin, Registry, discover
from audioforge.plugins.description import describe_plugin, describe_provided
from audioforge.plugins.installed import plugin_distributions
from audioforge.specs import KINDS
from audioforge.terminal import console
from audioforge.terminal.escapes import one_line

EXAMPLE = """\b
  audioforge plugins info wer
  audioforge plugins info audioforge-verifiers
"""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("name")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(name: str, plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """Show what a plugin provides, or one thing with its options, metrics and an example command.

    NAME is a distribution, or the name of what one provides, such as a verifier, dataset, selection
    or augmentation, also as distribution/name. Exits with 1 if it cannot be imported.
    """
    registry = discover(files=plugin_files)
    found = _found(registry, name)
    if as_json:
        console.print_json(found)
    else:
        for number, one in enumerate(found):
            if number:
                console.print_line()
            _print(one)
    if any(one["error"] for one in found):
        click.get_current_context().exit(1)


def _found(registry: Registry, name: str) -> list[dict[str, Any]]:
    """Return the descriptions of everything that has a name, whatever its kind.

    Raises:
        PluginError: If nothing has it.
    """
    plugins = [p for p in registry.plugins if canonical(p.distribution) == canonical(name)]
    if not plugins and canonical(name) in map(canonical, plugin_distributions()):
        plugins = [Plugin(name, metadata.version(name), "")]  # it has commands only
    if plugins:
        return [describe_plugin(plugins)]
    things = [
        describe_provided(kind, provided, registry)
        for kind in KINDS
        for provided in registry.all(kind)
        if provided.is_called(name)
    ]
    if things:
        return things
    known = {p.distribution for p in registry.plugins}
    known |= {spec_name for kind in KINDS for spec_name in registry.names(kind)}
    failed = "".join(
        f"\n  plugin {p.distribution} failed: {'; '.join(p.errors)}"
        for p in registry.plugins
        if p.errors
    )
    raise PluginError(f"nothing is called '{name}'. {did_you_mean(name, known)}{failed}")


def _print(description: dict[str, Any]) -> None:
    console.print_line(f"{description['kind']} {description['name']}", style="bold")
    console.print_line(one_line(description["summary"]))
    console.print_line()
    rows = [(head, _text(value)) for head, value in description["facts"].items()]
    width = max(len(head) for head, _ in rows)
    for head, text in rows:
        console.print_line(f"{head.ljust(width)}  {text}")
    for head, columns, key in (
        ("options", ("option", "type", "default", "help"), "options"),
        ("checkpoints", ("checkpoint", "note"), "checkpoints"),
        ("provides", ("kind", "name", "summary"), "provides"),
    ):
        if table := description.get(key):
            console.print_line()
            console.print_line(head, style="bold")
            console.print_table(columns, [[_text(row[c]) for c in columns] for row in table])
    if description.get("example"):
        console.print_line()
        console.print_line("example", style="bold")
        console.print_line(f"  {description['example']}")
    if description["error"]:
        console.print_line()
        console.print_line(description["error"], style="red")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return one_line(text) or "-"
