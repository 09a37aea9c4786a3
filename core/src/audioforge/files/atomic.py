"""Writing so that a reader never sees half a file: temporary name, fsync, rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step."""
    _write(path, [text])


def _write(path: Path, parts: Iterable[str]) -> None:
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(parts)


@contextmanager
def new_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary name for a file that takes the place of `path` when the block ends.

    Args:
        path: Where the file is to be.
        durable: Whether it must outlast a power cut; what is written again after one need not.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if durable:
            _flush(temporary)
        temporary.replace(path)
        if durable:
            _flush_folder(path.parent)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say which file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a rename last over a power cut, on systems where a folder can be opened for it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file in one step; NaN is refused, since it is not JSON."""
    write_text(path, _to_json(value, indent=2) + "\n")


def write_jsonl(path: Path, lines: Iterable[Any]) -> None:
    """Write a JSON lines file in one step, without holding all of it."""
    _write(path, (to_json_line(line) for line in lines))


def to_json_line(value: Any) -> str:
    """Return a value as one line of JSON."""
    return _to_json(value) + "\n"


def _to_json(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    # A file name that is not UTF-8 holds lone surrogates, which JSON can spell and UTF-8 cannot.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `path` when the block ends without error.

    A process that is killed leaves the old folder, the new one, or in the instant between them
    neither under this name; never a part.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    old = path.with_name(f".{path.name}.{os.getpid()}.old.tmp")
    for leftover in (temporary, old):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        for written in [temporary, *temporary.rglob("*")]:
            (_flush_folder if written.is_dir() else _flush)(written)
        if path.is_dir():  # out of the way in one step: removing it here would leave a part
            path.rename(old)
        temporary.rename(path)
        shutil.rmtree(old, ignore_errors=True)
        _flush_folder(path.parent)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say which file
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left below a folder under temporary names."""
    for path in list(folder.rglob(".*.tmp")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
