"""The files below a folder, in an order that does not depend on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and then those of its subfolders, both by name.

    Hidden ones and what macOS adds to archives (`__MACOSX`) are left out. Links to folders are
    followed, but never into a folder that is on the way already.
    """
    yield from _below(folder, frozenset())


def _below(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:
        return
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries)
    shown = [(n, is_dir) for n, is_dir in found if not n.startswith((".", "__MACOSX"))]
    for name, is_dir in shown:
        if not is_dir:
            yield folder / name
    for name, is_dir in shown:
        if is_dir:
            yield from _below(folder / name, above | {real})
