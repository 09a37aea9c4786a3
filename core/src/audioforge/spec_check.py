"""Whether a plugin's specification is well formed, so that one that is not breaks no listing."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import attrs

from audioforge.model import TASKS
from audioforge.specs import Spec

_NAME = re.compile("[a-z0-9][a-z0-9_-]*")
_OBJECT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def spec_problem(spec: Spec) -> str | None:
    """Return what is wrong with a specification, or None."""
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        return "a name has lower-case letters, digits, '-' and '_' only"
    for text in filter(None, (spec.factory, spec.options)):
        if not isinstance(text, str) or not _OBJECT.fullmatch(text):
            return f"{text!r} is not of the form 'package.module:Class'"
    tasks = getattr(spec, "tasks", ())
    if isinstance(tasks, str) or not set(tasks) <= set(TASKS):
        return f"tasks {tasks!r} must be some of {TASKS!r}"
    return _wrong_field(spec)


def _wrong_field(value: Any) -> str | None:
    """Return which field of an attrs object is not of its declared type, or None."""
    for field in attrs.fields(attrs.resolve_types(type(value))):
        given = getattr(value, field.name)
        if not _fits(given, field.type):
            wanted = field.type.__name__ if type(field.type) is type else field.type
            return f"{field.name} must be {wanted}, not {given!r}"
    return None


def _fits(value: Any, wanted: Any) -> bool:
    """Say whether a value is of a type as specifications declare them."""
    origin, members = get_origin(wanted), get_args(wanted)
    if origin is tuple:  # always tuple[X, ...]
        return isinstance(value, tuple) and all(_fits(item, members[0]) for item in value)
    if origin is UnionType:
        return any(_fits(value, member) for member in members)
    if origin is Literal:
        return value in members
    return isinstance(value, wanted) and not (attrs.has(wanted) and _wrong_field(value))
