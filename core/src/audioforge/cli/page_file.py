"""Where a command may write an HTML page."""

from __future__ import annotations

import os
from pathlib import Path

from audioforge.errors import UsageError

PAGES = {".html", ".htm"}
"""How the name of a page ends."""


def check_page(option: str, page: Path) -> None:
    """Refuse what would write over something else than a page, or cannot be written.

    Args:
        option: Which option names it.
        page: The file.

    Raises:
        UsageError: Saying what is wrong with it.
    """
    folder = page.absolute().parent
    if page.suffix not in PAGES:
        raise UsageError(f"{option} {page}: a page's name ends in .html; name another file")
    if not folder.is_dir():
        raise UsageError(
            f"{option} {page}: there is no folder {page.parent}; make it, or name another file"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{option} {page}: you may not write there; name another file")
