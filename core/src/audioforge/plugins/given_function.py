"""A function that a user gave in Python, in place of a factory that a plugin names."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
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
        """Return a digest, in hexadecimal, of its source and of the plain values that it uses.

        A run that goes on compares it; where there is no source, its bytecode stands for it.
        """
        text = "\n".join(_written(self.function))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _written(function: Any) -> list[str]:
    """Return what a function does, as text."""
    if isinstance(function, partial):
        return [*_written(function.func), repr((function.args, function.keywords))]
    is_code = inspect.isroutine(function) or inspect.isclass(function)
    code: Any = function if is_code else type(function)
    try:
        text = inspect.getsource(code)
    except (OSError, TypeError):  # typed at a prompt that keeps no lines, or of an extension
        compiled = getattr(code, "__code__", None)
        text = repr((compiled.co_code, compiled.co_consts)) if compiled else repr(code)
    values = {} if is_code else _plain(getattr(function, "__dict__", {}))
    if inspect.isfunction(code):
        names = inspect.getclosurevars(code)
        values |= _plain(names.nonlocals) | _plain(names.globals)
    return [text, repr(sorted(values.items()))]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are written alike in every process."""
    return {name: value for name, value in values.items() if isinstance(value, _PLAIN)}
