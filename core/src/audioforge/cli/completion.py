"""`audioforge completion`: a script that lets the shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_AUDIOFORGE_COMPLETE"
"""By which Click's scripts ask."""

EXAMPLE = """\b
  bash, in ~/.bashrc:   eval "$(audioforge completion bash)"
  zsh, in ~/.zshrc:     eval "$(audioforge completion zsh)"
  fish:                 audioforge completion fish > ~/.config/fish/completions/audioforge.fish
"""


@click.command(epilog=EXAMPLE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets bash, zsh or fish complete commands and names.

    Names are those of plugins, presets and choices, beside commands and options; nothing heavy is
    imported for that.
    """
    made = get_completion_class(shell)
    assert made is not None  # the three are Click's own
    group = context.find_root().command
    click.echo(made(group, {}, "audioforge", VARIABLE).source().rstrip())
