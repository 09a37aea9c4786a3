"""What the values of a checkpoint's JSON files may be, said as data: one table for each file.

Transformers takes most values as they come, and fails with them later, deep inside, or allocates
what they ask for. A table names a key's possible values; a key that the file lacks has its default,
and one that no table names is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.errors import CheckpointError

MOST_SHOWN = 20
"""Problems that a message lists."""


@frozen
class Value:
    """A kind of value.

    Attributes:
        what: In words, such as "a whole number from 1 to 9".
        accepts: Says whether a value is of the kind; any JSON value may be asked about.
    """

    what: str
    accepts: Callable[[Any], bool]


Table = Mapping[str, Value]
"""The values that keys may have."""


def whole(least: int, most: int) -> Value:
    """A whole number; true and false are none."""
    return Value(
        f"a whole number from {least:,} to {most:,}",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and least <= v <= most,
    )


def number(least: float, most: float) -> Value:
    """A number, whole or not; NaN is none."""
    return Value(
        f"a number from {least:g} to {most:g}",
        lambda v: isinstance(v, int | float) and not isinstance(v, bool) and least <= v <= most,
    )


def one_of(*names: Any) -> Value:
    """One of a few values."""
    return Value(
        f"one of {', '.join(map(str, names))}" if len(names) > 1 else f"{names[0]}",
        lambda v: any(type(v) is type(name) and v == name for name in names),
    )


def optional(value: Value) -> Value:
    """A value of the kind, or null."""
    return Value(f"{value.what}, or null", lambda v: v is None or value.accepts(v))


def either(first: Value, second: Value) -> Value:
    """A value of one kind or the other."""
    what = f"{first.what}, or {second.what}"
    return Value(what, lambda v: first.accepts(v) or second.accepts(v))


def list_of(value: Value, least: int = 0, most: int = 1_000_000) -> Value:
    """A list whose entries are all of one kind."""
    length = f"{least:,} entries" if least == most else "list"
    return Value(
        f"a {'list of ' if least == most else ''}{length}, each {value.what}",
        lambda v: isinstance(v, list) and least <= len(v) <= most and all(map(value.accepts, v)),
    )


def map_of(value: Value) -> Value:
    """An object whose values are all of one kind."""
    return Value(
        f"an object, its values each {value.what}",
        lambda v: isinstance(v, dict) and all(map(value.accepts, v.values())),
    )


FLAG = Value("true or false", lambda v: isinstance(v, bool))
TEXT = Value("text", lambda v: isinstance(v, str))
ANY_NUMBER = number(-math.inf, math.inf)


def problems(values: Mapping[str, Any], table: Table, within: str = "") -> list[str]:
    """Say of every wrong value which key has it, what it is, and what it may be.

    Args:
        values: Content of the file.
        table: The values that the file's keys may have.
        within: Goes before each key, such as "feature_extractor.".
    """
    return [
        f"{within}{key}: {_short(values[key])} is not {value.what}"
        for key, value in table.items()
        if key in values and not value.accepts(values[key])
    ]


def refuse(path: Path, found: list[str]) -> None:
    """Raise all problems of a file at once.

    Raises:
        CheckpointError: If there are any.
    """
    if found:
        count = "1 value is" if len(found) == 1 else f"{len(found)} values are"
        lines = [f"  {problem}" for problem in found[:MOST_SHOWN]]
        more = [f"  and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
        raise CheckpointError(
            "\n".join(
                [
                    f"{path}: {count} wrong:",
                    *lines,
                    *more,
                    "Put in what the model was saved with: take the file of the checkpoint that "
                    "this one was made from, or save it again.",
                ]
            )
        )


def _short(value: Any) -> str:
    text = "null" if value is None else f"{value!r}"
    return text if len(text) <= 60 else f"{text[:57]}..."
