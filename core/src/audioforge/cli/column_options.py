"""The options of a command that reads one dataset: what its columns are called, where sound is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

OPTIONS = {
    "--text-column": "Column or key of the transcript.",
    "--label-column": "Column or key of the class label.",
    "--audio-column": "Column or key of the sound's path.",
    "--speaker-column": "Column or key of who speaks.",
    "--audio-root": "Folder or address where relative paths of sound start.",
}


def column_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets each under the name that `DatasetRequest` has for it."""
    for flag, text in reversed(OPTIONS.items()):
        command = click.option(flag, help=text)(command)
    return command
