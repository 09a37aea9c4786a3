"""The option `--plugin FILE` of every command that uses plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def plugin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--plugin FILE`; the command gets the files as `plugin_files`, for `discover`."""
    return click.option(
        "--plugin",
        "plugin_files",
        multiple=True,
        metavar="FILE.py",
        type=click.Path(path_type=Path),
        help="Load this file as a plugin too, without installing it: it runs its code.",
    )(command)
