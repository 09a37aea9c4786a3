"""The version of the plugin API, and whether a plugin that was built for another one fits.

A plugin states the version in its module, as a plain number:

    AUDIOFORGE_API = 4

It is read from the source before anything of the plugin is imported: a plugin that needs what this
AudioForge does not have would otherwise fail with whatever its first import says.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any, cast

API_VERSION = 4
"""The version of hooks, specifications and contracts; it rises with every change that a plugin can
notice."""

OLDEST_API_VERSION = 1
"""The oldest one for which plugins may be built; it rises when what was right no longer is."""

STATEMENT = "AUDIOFORGE_API"


def mismatch(version: int | None) -> str | None:
    """Return why a plugin that was built for a version of the API cannot be used, or None.

    Args:
        version: As the plugin states it; None when it does not, which is taken on trust.
    """
    if version is None or OLDEST_API_VERSION <= version <= API_VERSION:
        return None
    if version > API_VERSION:
        return (
            f"it was built for plugin API {version}, and this AudioForge has {API_VERSION}: "
            "update audioforge"
        )
    return (
        f"it was built for plugin API {version}, and this AudioForge takes {OLDEST_API_VERSION} to "
        f"{API_VERSION}: update the plugin"
    )


def version_of(module: Any) -> int | None:
    """Return the version that an imported module states; None when it does not.

    Raises:
        ValueError: If it states something that is no version.
    """
    version = getattr(module, STATEMENT, None)
    if version is not None and (type(version) is not int or version < 1):
        raise ValueError(f"{STATEMENT} must be a whole number from 1, not {version!r}")
    return version


def written_version(source: str) -> int | None:
    """Return the version that a module's source states, without importing it.

    >>> written_version("AUDIOFORGE_API = 2")
    2

    None when it does not, or not as a number that is written out.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # importing it will say what is wrong
    stated: int | None = None
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == STATEMENT for target in targets):
            known = isinstance(value, ast.Constant) and type(value.value) is int
            stated = cast("int", cast("Any", value).value) if known else None  # the last counts
    return stated


def source_of(module_name: str) -> str | None:
    """Return the source of a module without importing it or its packages; None without one."""
    package, *rest = module_name.split(".")
    try:
        spec = importlib.util.find_spec(package)
        if spec is None or not rest:
            return cast("Any", spec).loader.get_source(package) if spec else None
        folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
        for part in rest[:-1]:
            folders = [folder / part for folder in folders]
        for folder in folders:
            for path in (folder / f"{rest[-1]}.py", folder / rest[-1] / "__init__.py"):
                if path.is_file():
                    return importlib.util.decode_source(path.read_bytes())
    except Exception:  # an odd loader, a damaged file: importing it will say what is wrong
        return None
    return None
