"""What foreign code does besides what it is asked for: prints, files elsewhere, changed state."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from audioforge.errors import PluginWarning
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge_kit.contract import ContractError

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATH_OF = {
    "open": 0,
    "os.mkdir": 0,
    "os.rename": 1,
    "os.link": 1,
    "os.symlink": 1,
    "sqlite3.connect": 0,
}
"""Events of Python that tell of something new on disk, and which argument of each is its path."""

_watchers: list[list[Path]] = []
"""What each of those who watch now has seen; a hook of Python's stays once it is there."""


@contextmanager
def printed() -> Iterator[list[str]]:
    """Give a list that holds, at the end, what was written to stdout by Python or below it."""
    said: list[str] = []
    sys.stdout.flush()
    saved = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        stream = TextIOWrapper(os.fdopen(os.dup(1), "wb"), "utf-8", write_through=True)
        try:
            with stream, redirect_stdout(stream):
                yield said
        finally:
            os.dup2(saved, 1)
            os.close(saved)
        file.seek(0)
        said += file.read(200).decode(errors="replace").splitlines()


@contextmanager
def put_back() -> Iterator[list[str]]:
    """Run foreign code as the engine does, and put back what it changes of the whole process.

    What one rule sees change, the next must see too.

    Yields:
        A list that holds, at the end, a sentence for each thing that was changed.
    """
    changes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with global_state_restored("it"):
            yield changes
    changes += [str(w.message) for w in caught if issubclass(w.category, PluginWarning)]


@contextmanager
def writes_only_below(*folders: Path) -> Iterator[None]:
    """Check that Python code writes nothing on disk but below some folders.

    What it puts into a temporary folder of its own is its own affair, and so is the code that
    Python compiles.

    Raises:
        ContractError: With the first path elsewhere.
    """
    written: list[Path] = []
    _install_hook()
    _watchers.append(written)
    try:
        yield
    finally:
        _watchers[:] = [watcher for watcher in _watchers if watcher is not written]
    allowed = [folder.resolve() for folder in folders]
    temporary = Path(tempfile.gettempdir()).resolve()
    ours = {_top(folder, temporary) for folder in allowed}
    for path in written:
        passing = path.is_relative_to(temporary) and _top(path, temporary) not in ours
        if not passing and not any(path.is_relative_to(folder) for folder in allowed):
            raise ContractError(f"it writes to {path}")


def _top(path: Path, folder: Path) -> str:
    """Return the name right below a folder that a path goes through; empty when it does not."""
    return path.relative_to(folder).parts[0] if path != folder and folder in path.parents else ""


@cache
def _install_hook() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """Note a path that is written to, while somebody watches."""
    if not _watchers or event not in PATH_OF:
        return
    given = arguments[PATH_OF[event]]
    if event == "open" and not arguments[2] & WRITING:
        return
    if not isinstance(given, str | bytes | os.PathLike):
        return  # the number of what is open already
    path = Path(os.path.realpath(os.fsdecode(given)))
    if "__pycache__" not in path.parts and path.parts[1:2] != ("dev",):
        for watcher in _watchers:
            watcher.append(path)
