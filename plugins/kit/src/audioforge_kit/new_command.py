"""`audioforge plugins new`: a complete package to start a plugin from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from audioforge.terminal import console
from audioforge_kit.scaffold.project import SUMMARIES, write_project

EXAMPLE = """\b
  audioforge plugins new phone-digits --kind verifier
"""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("name")
@click.option("--kind", type=click.Choice(list(SUMMARIES)), required=True, help="What it provides.")
@click.option("--summary", help="What it does, on one line. [default: what the template does]")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to make the project's folder. [default: here]",
)
def new(name: str, kind: str, summary: str | None, directory: Path) -> None:
    """Write the package audioforge-NAME: a plugin that works, with tests that pass.

    It has a pyproject.toml with the entry point, source with options, an example for the contract
    tests, tests, a README and a file for continuous integration. Nothing is overwritten.
    """
    folder = write_project(name, kind, directory, summary)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        console.print_line(str(path))
    console.print_note(
        f"\nNext:\n  cd {shlex.quote(str(folder))}\n"
        "  audioforge plugins install --editable '.[test]'\n"
        "  python -m pytest\n  audioforge plugins check ."
    )
