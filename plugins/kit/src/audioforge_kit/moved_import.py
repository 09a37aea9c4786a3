"""What plugins of API 1 must change: they import the contract tests from where those were then."""

from __future__ import annotations

import linecache
import sys
import traceback
from pathlib import Path

OLD = "audioforge.testing"
MEND = f"Import from `audioforge_kit` what was in `{OLD}`, and require audioforge-kit for tests."


def is_moved(error: BaseException) -> bool:
    """Whether an import failed because it looks for the contract tests where they were."""
    if not isinstance(error, ImportError):
        return False
    package, _, module = OLD.partition(".")
    named = (error.name or "").startswith(OLD)
    return named or f"cannot import name '{module}' from '{package}'" in str(error)


def moved_import(error: BaseException) -> tuple[str, str] | None:
    """Return the import that failed, with its place, and what to write instead.

    Args:
        error: As the code of a plugin raised it, whatever it is wrapped in.

    Returns:
        What is wrong and how to mend it; None if it is something else.
    """
    cause: BaseException | None = error
    while cause is not None and not is_moved(cause):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    frames = traceback.extract_tb(cause.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith("<frozen ")]
    if not own:
        return f"it imports {OLD}, which is not there", MEND
    place = own[-1]
    line = linecache.getline(place.filename, place.lineno or 0).strip()
    package, _, module = OLD.partition(".")
    new = line.replace(OLD, "audioforge_kit")
    new = new.replace(f"from {package} import {module}", f"import audioforge_kit as {module}")
    return (
        f"{_shown(place.filename)}, line {place.lineno}: `{line}`, but the contract tests are in "
        f"audioforge-kit since plugin API 2",
        f"Write `{new}` there, and require audioforge-kit in the extra for tests.",
    )


def _shown(filename: str) -> str:
    """Return a file as its author knows it, wherever it is installed to be checked."""
    path = Path(filename)
    roots = [Path(entry) for entry in sys.path if entry and path.is_relative_to(entry)]
    nearest = max(roots, key=lambda root: len(root.parts), default=None)
    return str(path if nearest is None else path.relative_to(nearest))
