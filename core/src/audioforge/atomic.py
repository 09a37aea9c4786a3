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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    """Give a temporary folder that takes the place of `path` when the block ends without error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
