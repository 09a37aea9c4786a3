"""What the keys of a JSON line hold, checked."""

from __future__ import annotations

from typing import Any, TypeAlias

from audioforge.sample import Problem

Line: TypeAlias = "tuple[int, str, dict[str, Any] | Problem]"
"""Number, place and content of a line."""


class UnusableLineError(Exception):
    """A line that cannot be scored.

    Args:
        kind: A short class of problems to count by.
        reason: What is wrong.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def text(row: dict[str, Any], key: str) -> str | None:
    """Return the text of a key, None where there is none.

    Raises:
        UnusableLineError: If it is anything else.
    """
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnusableLineError("bad text", f"'{key}' must be text, not {value!r:.60}")
    return _unicode(value, key)


def file_path(row: dict[str, Any], key: str) -> str | None:
    """Return the path of a key, None where there is none.

    Raises:
        UnusableLineError: If it is anything else.
    """
    value = row.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "\0" in value:
        raise UnusableLineError("bad path", f"'{key}' must be a path, not {value!r:.60}")
    return _unicode(value, key)


def name(row: dict[str, Any], *keys: str) -> str | None:
    """Return the first of several keys that holds a name, which may be a number; None if none does.

    Raises:
        UnusableLineError: If half of a surrogate pair is in it.
    """
    for key in keys:
        value = row.get(key)
        if isinstance(value, int | str) and not isinstance(value, bool) and value != "":
            return _unicode(str(value), key)
    return None


def names(row: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return the name of a key, or the names that it lists.

    Raises:
        UnusableLineError: If something in it is neither text nor a number.
    """
    value = row.get(key)
    members = value if isinstance(value, list) else [value]
    found = tuple(filter(None, (name({key: member}, key) for member in members)))
    if len(found) < len(members):
        raise UnusableLineError("bad label", f"'{key}' must be text, not {value!r:.60}")
    return found


def _unicode(value: str, key: str) -> str:
    """Return the value; refuse half of a surrogate pair: JSON can spell it, no file can hold it."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        reason = f"'{key}' holds a lone surrogate: {value!r:.60}"
        raise UnusableLineError("bad text", reason) from error
    return value
