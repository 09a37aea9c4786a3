"""Whether a plugin's specification is well formed, so that one that is not breaks no listing."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import attrs

from audioforge.model import TASKS
from audioforge.specs import ModelSpec, Spec

RESERVED = ("id", "name", "weight")
"""What a plugin reference says about a verifier besides its options."""

_NAME = re.compile("[a-z0-9][a-z0-9_-]*")
_OBJECT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MAY_SET_RESERVED = re.compile(rf"\b({'|'.join(RESERVED)})\s*[:=]")


def spec_problem(spec: Spec) -> str | None:
    """Return what is wrong with a specification, or None."""
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        return "a name has lower-case letters, digits, '-' and '_' only"
    for text in filter(None, (spec.factory, spec.options, spec.example, _limits(spec))):
        if not isinstance(text, str) or not _OBJECT.fullmatch(text):
            return f"{text!r} is not of the form 'package.module:Class'"
    tasks = getattr(spec, "tasks", ())
    if isinstance(tasks, str) or not set(tasks) <= set(TASKS):
        return f"tasks {tasks!r} must be some of {TASKS!r}"
    return _wrong_field(spec) or reserved_problem(spec, _written_fields(spec.options))


def _limits(spec: Spec) -> str | None:
    return spec.limits if isinstance(spec, ModelSpec) else None


def reserved_problem(spec: Spec, fields: Iterable[str]) -> str | None:
    """Return which fields of an options class are reserved, or None."""
    if taken := sorted(set(fields) & set(RESERVED)):
        fields = ", ".join(taken)
        return f"{spec.options} has the field {fields}: {', '.join(RESERVED)} are reserved"
    return None


def _written_fields(options: str | None) -> set[str]:
    """Return the fields of an options class as its source states them, without importing it.

    A source in which nothing looks like a reserved one is not parsed, and yields none.
    What cannot be seen so, such as inherited fields, is found when the class is imported.
    """
    module_name, _, class_name = (options or "").partition(":")
    package = module_name.rpartition(".")[0]
    if not package or package not in sys.modules:  # find_spec would import it
        return set()
    try:
        found = importlib.util.find_spec(module_name)
        source = Path(found.origin or "").read_text(encoding="utf-8") if found else ""
        # Parsing takes most of the time of a listing; most files need none.
        body = ast.parse(source).body if _MAY_SET_RESERVED.search(source) else []
    except (ImportError, OSError, SyntaxError, ValueError):
        return set()  # importing it will say what is wrong
    classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == class_name]
    targets: list[ast.expr] = []
    for node in (statement for found_class in classes for statement in found_class.body):
        if isinstance(node, ast.AnnAssign):
            targets.append(node.target)
        elif isinstance(node, ast.Assign):
            targets += node.targets
    return {target.id for target in targets if isinstance(target, ast.Name)}


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
