"""Paths as data write them: relative to a folder, of other systems, as addresses of local files."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_FILE = re.compile(r"file://(?:localhost)?(?=/)", re.IGNORECASE)
_OF_WINDOWS = re.compile(r"/[a-z]:/", re.IGNORECASE)


def written_path(written: str, folder: Path) -> tuple[Path, str]:
    r"""Return the file that data name, and its name as it is written on this system.

    `file://` and `~` are followed. Backslashes separate folders where no file is called so with
    them and one is without them: nothing is chosen between two.

    Args:
        written: The path; relative ones start at the folder.
        folder: Of the data.

    >>> written_path("file:///sound/a%20b.wav", Path("/data"))
    (PosixPath('/sound/a b.wav'), 'file:///sound/a%20b.wav')
    """
    if (scheme := _FILE.match(written)) is not None:
        local = unquote(written[scheme.end() :], errors="surrogateescape")
        return Path(local[1:] if os.name == "nt" and _OF_WINDOWS.match(local) else local), written
    if written.startswith("~") and not os.path.lexists(folder / written):
        with suppress(RuntimeError):  # nobody is called so here
            return folder / Path(written).expanduser(), written
    if "\\" in written and os.sep == "/" and not os.path.lexists(folder / written):
        plain = written.replace("\\", "/")
        if os.path.lexists(folder / plain):
            return folder / plain, plain
    return folder / written, written
