"""Paths of options that are written to: of this machine, never an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from audioforge.files.addresses import NOT_A_PATH, is_address, shown


class LocalPath(click.Path):
    """A path to write to; an address is refused, and not taken for a folder of that name."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        """Take whether the path may be that of a file, and of a folder."""
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if is_address(str(value)):
            self.fail(f"{shown(str(value))} {NOT_A_PATH}", param, ctx)
        return super().convert(value, param, ctx)
