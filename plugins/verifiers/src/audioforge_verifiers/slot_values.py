"""The slot values that a sample states: in one mapping, or in columns of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def expected_values(
    metadata: Mapping[str, Any], columns: Sequence[str], mapping: str
) -> list[str] | None:
    """Return the values of all slots; None where the sample states none of them.

    >>> expected_values({"slots": {"drink": "latte", "extras": ["oat milk", "sugar"]}}, (), "slots")
    ['latte', 'oat milk', 'sugar']
    >>> expected_values({"drink": "latte", "size": None}, ("drink", "size"), "slots")
    ['latte']

    Args:
        metadata: Of the sample.
        columns: Keys with one value each; empty to look into a mapping.
        mapping: The key of the mapping; a table may hold it as the text of a JSON object.

    Raises:
        ValueError: If something is neither text nor a whole number.
    """
    if columns:
        slots: Mapping[str, Any] = {n: metadata[n] for n in columns if not _is_blank(metadata, n)}
        if not slots:
            return None
    elif _is_blank(metadata, mapping):
        return None
    else:
        slots = _mapping(metadata[mapping], mapping)
    return [value for slot, stated in slots.items() for value in _values(slot, stated)]


def _is_blank(metadata: Mapping[str, Any], key: str) -> bool:
    """Whether nothing is stated; a table states that by an empty cell."""
    value = metadata.get(key)
    return value is None or (isinstance(value, str) and not value.strip())


def _mapping(stated: Any, key: str) -> Mapping[str, Any]:
    slots = stated
    if isinstance(stated, str):
        try:
            slots = json.loads(stated)
        except (ValueError, RecursionError):
            slots = None
    if not isinstance(slots, Mapping):
        raise ValueError(f"'{key}' must be a mapping from slots to values, not {stated!r:.60}")
    return slots


def _values(slot: str, stated: Any) -> Iterator[str]:
    """Yield the values of one slot; None and blank text are none."""
    for value in stated if isinstance(stated, list | tuple) else [stated]:
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"the value of '{slot}' must be text, not {value!r:.60}")
        yield str(value)
