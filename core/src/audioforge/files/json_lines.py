"""JSON lines: one object a line, read one at a time; a line that is none is a problem."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audioforge.errors import DatasetError
from audioforge.files.text_lines import TOO_LONG, numbered_lines
from audioforge.sample import Problem

REPEATED_KEY = "repeated key"
"""The kind of problem of an object that states one key twice."""

CONVERSION = "If it is one JSON list, this makes lines of it: jq -c '.[]'"


class RepeatedKeyError(ValueError):
    """An object states one key twice, of which a reader of JSON would silently take the last.

    Args:
        key: The key.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def read_objects(path: Path) -> Iterator[tuple[int, str, dict[str, Any] | Problem]]:
    """Yield number, place and content of every line that is not blank.

    Raises:
        DatasetError: If the file cannot be read or is not UTF-8; and at its end, if it is empty or
            no line of it was an object.
    """
    first: Problem | None = None
    found = False
    for number, line in numbered_lines(path):
        if line is not None and not line.strip():
            continue
        where = f"{path}:{number}"
        row = (
            Problem(where, TOO_LONG, "line too long") if line is None else parse_object(line, where)
        )
        if isinstance(row, Problem) and row.kind != REPEATED_KEY:
            first = first or row
        else:
            found = True
        yield number, where, row
    if found:
        return
    if first is None:
        raise DatasetError(f"{path}: the file is empty; it should have one JSON object a line")
    raise DatasetError(
        f'{path}: no line of it is a JSON object, such as {{"audio_filepath": "a.wav", '
        f'"text": "…"}} (first: {first}). {CONVERSION}'
    )


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise RepeatedKeyError(next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1))
    return row


def parse_object(line: str, where: str) -> dict[str, Any] | Problem:
    """Return the object that a line is, or what is wrong with it."""
    try:
        row = json.loads(line, object_pairs_hook=_unrepeated)
    except RepeatedKeyError as error:
        reason = f"the key {error.key!r} is there twice: keep the one that is meant"
        return Problem(where, reason, REPEATED_KEY)
    except json.JSONDecodeError as error:  # its own line number counts within this one line
        return Problem(where, f"not JSON: {error.msg} at column {error.pos + 1}", "bad JSON")
    except RecursionError:
        return Problem(where, "not JSON that can be read: it is nested too deep", "bad JSON")
    except ValueError:  # the only other one: thousands of digits
        return Problem(where, "not JSON that can be read: a number is too long", "bad JSON")
    return object_or_problem(row, where)


def object_or_problem(value: Any, where: str) -> dict[str, Any] | Problem:
    """Return a value of JSON that is an object, or the problem that it is none."""
    if isinstance(value, dict):
        return value
    kind = {list: "a list", str: "a text", type(None): "null", bool: "true or false"}
    what = kind.get(type(value), "a number")
    return Problem(where, f"expected a JSON object {{…}}, not {what}", "not an object")
