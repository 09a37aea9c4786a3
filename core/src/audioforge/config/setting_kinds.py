"""Declaring a setting: its kind, its range, its help; and checking a value against that."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, Unpack

import attrs

from audioforge.files.addresses import NOT_A_PATH, is_address
from audioforge.files.addresses import shown as shown_address

EACH = "each"
"""In place of a language: every clip's own."""

Schedule: TypeAlias = float | tuple[float, ...]
"""One number for every cycle, or one for each cycle, of which the last one repeats."""


def at_cycle(schedule: Schedule, cycle: int) -> float:
    """Return the number of a schedule for a cycle, counted from 1."""
    if not isinstance(schedule, tuple):
        return schedule
    return schedule[min(cycle, len(schedule)) - 1]


def from_cycle(schedule: Schedule, cycle: int) -> Schedule:
    """Return what is left of a schedule when a cycle, counted from 1, becomes the first."""
    if not isinstance(schedule, tuple):
        return schedule
    return _schedule(schedule[cycle - 1 :] or schedule[-1:])


def shown(schedule: Schedule) -> str:
    """Return a schedule as a flag takes it."""
    numbers = schedule if isinstance(schedule, tuple) else (schedule,)
    return ",".join(f"{number:g}" for number in numbers)


class Limits(TypedDict, total=False):
    """Which numbers a setting accepts.

    Attributes:
        minimum: The smallest one.
        above: Numbers must be greater than this.
        maximum: The largest one.
    """

    minimum: float
    above: float
    maximum: float


def setting(
    default: Any,
    kind: str,
    help_text: str,
    *,
    choices: tuple[str, ...] = (),
    **limits: Unpack[Limits],
) -> Any:
    """Declare a setting.

    Args:
        default: The value when nobody sets it; None where that has a meaning of its own.
        kind: "int", "float", "schedule", "flag", "text", "language", "path", "texts", "floats",
            "plugin" or "plugins".
        help_text: One sentence for `--help`.
        choices: Accepted values of a text.
        limits: Which numbers are accepted.
    """
    metadata = {
        "kind": kind,
        "help": help_text,
        "choices": choices,
        "minimum": limits.get("minimum", -math.inf),
        "above": limits.get("above", -math.inf),
        "maximum": limits.get("maximum", math.inf),
        "optional": default is None,
    }
    return attrs.field(default=default, metadata=metadata)


def checked(value: Any, metadata: Mapping[str, Any]) -> Any:
    """Convert one value to its setting's kind.

    Args:
        value: The value, as a YAML file, a flag or Python code gives it.
        metadata: What `setting` says of the setting: its kind, choices and limits.

    Raises:
        ValueError: Saying what is wrong.
    """
    if value is None:
        if metadata["optional"]:
            return None
        raise ValueError("must have a value")
    value = _CONVERTERS[metadata["kind"]](value)
    numbers = value if isinstance(value, tuple) else (value,)
    if metadata["kind"] in ("int", "float", "schedule", "floats"):
        for number in numbers:
            _check_range(number, metadata)
    if metadata["choices"] and value not in metadata["choices"]:
        raise ValueError(f"'{value}' is not one of {', '.join(metadata['choices'])}")
    return value


def _check_range(number: float, metadata: Mapping[str, Any]) -> None:
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite number")
    if number <= metadata["above"]:
        raise ValueError(f"{number:g} must be greater than {metadata['above']:g}")
    if number < metadata["minimum"]:
        raise ValueError(f"{number:g} must be at least {metadata['minimum']:g}")
    if number > metadata["maximum"]:
        raise ValueError(f"{number:g} must be at most {metadata['maximum']:g}")


def number(value: Any) -> float:
    """Return a number, which may be written as text.

    Raises:
        ValueError: If it is none.
    """
    # YAML reads 5e-5 as text, so numbers in text are taken as what they say.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{_shown(value)} is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{_shown(value)} is not a number") from error


def _integer(value: Any) -> int:
    parsed = number(value)
    if not math.isfinite(parsed) or parsed != int(parsed):
        raise ValueError(f"{_shown(value)} is not a whole number")
    try:
        return int(value)  # a float would have rounded a large seed
    except ValueError:  # text such as "1e3"
        return int(parsed)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is neither true nor false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        # A bare `no` in YAML is false, which for a language means Norwegian.
        raise ValueError(f"{_shown(value)} is not text; put it in quotes")
    return value


def _language(value: Any) -> str:
    from audioforge.languages.tags import required_language  # reads tables, which takes 40 ms

    return EACH if _text(value).strip().lower() == EACH else required_language(value)


def _path(value: Any) -> Path:
    if is_address(str(value)):
        raise ValueError(f"{shown_address(str(value))} {NOT_A_PATH}")
    # A shell replaces ~ in an argument of its own only: not in --output=~/run, not in a file.
    return (value if isinstance(value, Path) else Path(_text(value))).expanduser()


def _texts(value: Any) -> tuple[str, ...]:
    return (_text(value),) if isinstance(value, str) else tuple(_text(v) for v in _items(value))


def _floats(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    return tuple(number(v) for v in ([value] if isinstance(value, int | float) else _items(value)))


def _schedule(value: Any) -> Schedule:
    numbers = _floats(value)
    if not numbers:
        raise ValueError("must have a value")
    return numbers if len(numbers) > 1 else numbers[0]


def _plugin(value: Any) -> Any:
    if callable(value) and not isinstance(value, str | dict):
        return value
    if not value or not isinstance(value, str | dict):
        raise ValueError(f"{_shown(value)} is neither a name nor a mapping with a name")
    return value


def _plugins(value: Any) -> tuple[Any, ...]:
    items = [value] if isinstance(value, str | dict) or callable(value) else _items(value)
    if items == [""]:  # how a flag says that there is to be none
        return ()
    return tuple(_plugin(item) for item in items)


def _shown(value: Any) -> str:
    """Return a value as a message can hold it, however large it is."""
    return reprlib.repr(value)


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{_shown(value)} is not a list")
    return list(value)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": number,
    "schedule": _schedule,
    "flag": _flag,
    "text": _text,
    "language": _language,
    "path": _path,
    "texts": _texts,
    "floats": _floats,
    "plugin": _plugin,
    "plugins": _plugins,
}
