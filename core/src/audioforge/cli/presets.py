"""`audioforge presets`: settings that go together, for `audioforge train --preset`."""

from __future__ import annotations

import click

from audioforge.cli.completions import complete_preset
from audioforge.config.presets import preset_names, preset_summary, preset_text, read_preset
from audioforge.terminal.console import print_json, print_line


@click.command()
@click.argument("name", required=False, shell_complete=complete_preset)
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def presets(name: str | None, as_json: bool) -> None:
    """List settings that go together, or show why.

    `audioforge train --preset NAME` begins with its settings; --config and flags override them. A
    YAML file of your own serves as well: --preset mine.yaml.
    """
    if as_json:
        print_json(read_preset(name) if name else {n: read_preset(n) for n in preset_names()})
    elif name is not None:
        print_line(preset_text(name).rstrip())
    else:
        for known in preset_names():
            settings = ", ".join(read_preset(known))
            print_line(f"{known}: {preset_summary(known)}")
            print_line(f"  sets {settings}")
        print_line("audioforge presets NAME shows one, with its reasons.")
