"""Files and folders that settings name, which every node must see, and see alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.executor import Outline
from audioforge.files.below import files_below
from audioforge.files.paths import is_file, is_folder, open_regular
from audioforge.plugin_reference import read_plugin_reference

WITH_OPTIONS = {"verifier": "verifier", "augment": "augmentation"}
"""Settings that name several plugins, and what each of them is called."""
WITH_ONE = ("aggregator", "selection")
READ_BYTES = 64 * 2**20
"""Of a file that are compared; of what is larger the size is, and this much from its start."""


@frozen
class Needed:
    """A file or folder that a worker reads.

    Attributes:
        what: What the settings want it for.
        path: Where it is; absolute.
        here: How it looks to the driver; see `look`.
    """

    what: str
    path: Path
    here: str

    def problem(self, node: str) -> str | None:
        """Return why this process' node cannot take part; None where the path looks the same.

        Args:
            node: The node, by a name that a user knows.
        """
        there = look(self.path)
        if there == self.here:
            return None
        how = "holds something else" if there else "is not there, or cannot be read"
        return (
            f"{node}: {self.path}, {self.what}, {how}. Every node reads it: keep it in a folder "
            f"that all nodes share, or copy it to the same place on each"
        )


def needed_paths(outline: Outline) -> list[Needed]:
    """Return what must look alike to every node; as this process sees it, which is the driver.

    Clips are not among it: what a node does not see of them is sent.

    Args:
        outline: The run.
    """
    found = {needed.path: needed for needed in _named(outline)}
    return list(found.values())


def look(path: Path) -> str:
    """Return how a file or folder looks from here: digests of what is in it; "" if it is not there.

    Of a folder, names and sizes count.
    """
    try:
        if is_file(path):
            with open_regular(path) as file:
                content = hashlib.blake2b(file.read(READ_BYTES), digest_size=16).hexdigest()
            return f"file {path.stat().st_size} {content}"
        if not is_folder(path):
            return ""
        digest = hashlib.blake2b(digest_size=16)
        for file_path in files_below(path):
            size = file_path.stat().st_size if file_path.is_file() else 0
            digest.update(repr((file_path.relative_to(path).as_posix(), size)).encode())
        return f"folder {digest.hexdigest()}"
    except OSError:
        return ""


def problems(needed: Iterable[Needed], node: str) -> list[str]:
    """Return why this process' node cannot take part.

    Args:
        needed: What it must see.
        node: The node, by a name that a user knows.
    """
    found = (item.problem(node) for item in needed)
    return [problem for problem in found if problem is not None]


def _named(outline: Outline) -> Iterator[Needed]:
    settings = outline.settings
    for path in outline.plugin_files:
        yield Needed("which --plugin names", path, look(path))
    yield from _existing("the model", settings.get("model_name"))
    for setting, kind in WITH_OPTIONS.items():
        for reference in settings.get(setting) or ():
            yield from _of_plugin(kind, reference)
    for kind in WITH_ONE:
        if settings.get(kind):
            yield from _of_plugin(kind, settings[kind])


def _of_plugin(kind: str, reference: Any) -> Iterator[Needed]:
    name, options = read_plugin_reference(reference)
    for key, value in options.items():
        yield from _existing(f"option {key} of the {kind} {name}", value)


def _existing(what: str, value: Any) -> Iterator[Needed]:
    """Yield the files and folders that a setting names; a plain word is none."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _existing(what, item)
    elif isinstance(value, Path) or (isinstance(value, str) and _looks_like_path(value)):
        path = Path(value).expanduser().absolute()
        if is_file(path) or is_folder(path):
            yield Needed(what, path, look(path))


def _looks_like_path(text: str) -> bool:
    return os.sep in text or text.startswith("~") or is_file(Path(text))
