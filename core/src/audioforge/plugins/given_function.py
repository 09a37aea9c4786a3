"""A function that a user gave in Python, in place of a factory that a plugin names."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from attrs import frozen

PYTHON = "python"
"""What stands in the place of a distribution: `python/short` is the function `short`."""

_PLAIN = (str, bytes, int, float, bool, type(None), tuple, frozenset)


@frozen(eq=False)
class GivenFunction:
    """A factory of what the engine calls, with what the user gave.

    Attributes:
        function: What the user gave: a function, a class, or an object that can be called.
        make: Returns the verifier or selection that it is to the engine.
    """

    function: Any
    make: Callable[[], Any]

    def __call__(self) -> Any:
        """Return what the engine calls."""
        return self.make()

    def digest(self) -> str:
        """Return a digest, in hexadecimal, of its source, its helpers, and plain values it uses.

        A run that goes on compares it; where there is no source, its bytecode stands for it.
        """
        text = "\n".join(_written(self.function))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _written(function: Any, seen: frozenset[Any] = frozenset()) -> list[str]:
    """Return what a function does, as text, with the functions beside it that it calls."""
    if isinstance(function, partial):
        return [*_written(function.func, seen), repr((function.args, function.keywords))]
    is_code = inspect.isroutine(function) or inspect.isclass(function)
    code: Any = function if is_code else type(function)
    try:
        text = inspect.getsource(code)
    except (OSError, TypeError):  # typed at a prompt that keeps no lines, or of an extension
        compiled = getattr(code, "__code__", None)
        text = repr((compiled.co_code, compiled.co_consts)) if compiled else repr(code)
    values = {} if is_code else dict(getattr(function, "__dict__", {}))
    if inspect.isfunction(code):
        values |= _used(code)
    plain = sorted((name, value) for name, value in values.items() if isinstance(value, _PLAIN))
    beside = [
        line
        for _, helper in sorted(values.items())
        if inspect.isfunction(helper) and helper.__module__ == code.__module__
        if helper not in seen | {code}
        for line in _written(helper, seen | {code})
    ]
    return [text, repr(plain), *beside]


def _used(function: FunctionType) -> dict[str, Any]:
    """Return what a function uses of what is around it, by name."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # nothing is in it yet
            found[name] = cell.cell_contents
    names = set(_names(function.__code__))
    return found | {name: v for name, v in function.__globals__.items() if name in names}


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names in a function's code, and in that of what it defines inside."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
