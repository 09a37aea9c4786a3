"""Options of a plugin: from what a user wrote to the types that its options class declares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

import attrs
import cattrs

from audioforge.errors import ConfigError, did_you_mean

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def structure_options(
    name: str, options_class: type[Any] | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Check options against an attrs class, and return all of its fields with their values.

    Values may be text, as on a command line: "0.5" for a float, "yes" for a bool.

    Args:
        name: What the options belong to; starts the path of each problem.
        options_class: An attrs class, or None where no option is taken.
        options: What the user wrote.

    Raises:
        ConfigError: Naming every option that is unknown, missing or of the wrong type.
    """
    fields: tuple[attrs.Attribute[Any], ...] = ()
    if options_class is not None:
        fields = attrs.fields(attrs.resolve_types(options_class))
    known = {field.name: field for field in fields}
    problems, values = [], {}
    for key, value in options.items():
        if key not in known:
            hint = did_you_mean(key, known) if known else "It takes no options."
            problems.append(f"{name}.{key}: no such option. {hint}")
            continue
        wanted = known[key].type
        try:
            values[key] = _structure(value, wanted)
        except Exception as error:  # cattrs raises a plain Exception for a Literal
            problems.append(f"{name}.{key}: {value!r} is not {_type_name(wanted)}: {_text(error)}")
    missing = [f.name for f in fields if f.default is attrs.NOTHING and f.name not in options]
    problems += [f"{name}.{key}: required, and not given" for key in missing]
    if problems:
        raise ConfigError(problems)
    if options_class is None:
        return {}
    try:  # the class has validators of its own
        return attrs.asdict(options_class(**values), recurse=False)
    except (ValueError, TypeError) as error:
        raise ConfigError([_refused(name, error)]) from error


def _refused(name: str, error: Exception) -> str:
    """Return what a validator says: those of attrs raise with the attribute, and what it takes."""
    match error.args:
        case (_, attrs.Attribute(name=key), list() | tuple() | set() | frozenset() as known, value):
            choices = ", ".join(sorted(map(str, known)))
            return f"{name}.{key}: {value!r} is not one of these: {choices}"
        case (str(message), attrs.Attribute(name=key), *_):
            return f"{name}.{key}: {message}"
    return f"{name}: {_text(error)}"


def _structure(value: Any, wanted: Any) -> Any:
    if isinstance(value, str) and get_origin(wanted) in (tuple, list):
        value = [value]  # else a text would become a list of its letters
    return _converter.structure(value, wanted)


def _boolean(value: Any, _: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in _TRUTH:
        return _TRUTH[value.strip().lower()]
    if isinstance(value, bool):
        return value
    raise ValueError("write true or false")


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("write a whole number")
    return int(value)


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("write a number")
    return float(value)


def _string(value: Any, _: Any) -> str:
    if isinstance(value, bool):  # YAML reads a bare yes, no, on or off so
        raise ValueError("put it in quotes")
    if not isinstance(value, str | int | float):
        raise ValueError("write a text")
    return str(value)


def _path(value: Any, _: Any) -> Path:
    # A shell replaces ~ at the start of an argument only, not in name:key=~/file.
    return Path(value).expanduser()


def _type_name(wanted: Any) -> str:
    return wanted.__name__ if isinstance(wanted, type) else str(wanted).replace("typing.", "")


def _text(error: BaseException) -> str:
    causes = getattr(error, "exceptions", ())  # cattrs groups what went wrong inside a list
    return "; ".join(_text(cause) for cause in causes) or str(error)


# What Python's own constructors take would let "false" be True and 3.7 be 3.
_converter = cattrs.Converter()
_converter.register_structure_hook(bool, _boolean)
_converter.register_structure_hook(int, _integer)
_converter.register_structure_hook(float, _number)
_converter.register_structure_hook(str, _string)
_converter.register_structure_hook(Path, _path)
