"""What lies near a file that is not there: the same name in other capitals or another Unicode form.

Some systems take such names for one, and others do not: data that moved between them are met again
under names that only look right.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

MOST_NAMES = 50_000
"""Names of a folder that are looked at: in one with more nothing is looked for."""

FOLDERS = 16
"""Folders whose names are remembered: a million missing files may be of one."""


def said_of_near(path: Path) -> str:
    """Return what to say of the file that a path may have meant; nothing where there is none.

    Args:
        path: A file that is not there.
    """
    slashes = Path(str(path).replace("\\", os.sep))
    found = [Path(slashes.anchor)]
    for written in slashes.parts[bool(slashes.anchor) :]:
        found = [here / name for here in found for name in _called_alike(here, written)]
        if not found:
            return ""
    if found == [path]:  # a link to nowhere
        return ""
    if len(found) > 1:
        names = " and ".join(str(near) for near in sorted(found)[:3])
        return f"; near it are {names}: state one of them as it is spelt there"
    how = _difference(str(path), str(found[0]))
    return f"; near it is {found[0]}, {how}: state it as it is there"


def _called_alike(folder: Path, written: str) -> Sequence[str]:
    """Return the names in a folder that a written one may mean: the same, else alike ones."""
    if not written or written in (".", "..") or os.path.lexists(folder / written):
        return [written]
    try:
        return _names(folder, folder.stat().st_mtime_ns).get(_plain(written), ())
    except (OSError, ValueError):
        return ()


@lru_cache(FOLDERS)
def _names(folder: Path, _changed: int) -> Mapping[str, list[str]]:
    """Return the names in a folder by what is alike in them, until the folder changes."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, MOST_NAMES + 1)]
    alike: dict[str, list[str]] = {}
    if len(names) <= MOST_NAMES:
        for name in names:
            alike.setdefault(_plain(name), []).append(name)
    return alike


def _plain(name: str) -> str:
    """Return a name without what some systems do not tell apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _difference(written: str, there: str) -> str:
    slashes = written.replace("\\", os.sep)
    if slashes == there:
        return "with / where this has a backslash"
    if unicodedata.normalize("NFC", slashes) == unicodedata.normalize("NFC", there):
        form = "decomposed" if unicodedata.is_normalized("NFC", slashes) else "composed"
        return f"whose letters are {form} (another Unicode form)"
    return "in other capitals"
