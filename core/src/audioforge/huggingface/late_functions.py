"""Functions whose module is imported when they are called, not when they are named."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def imported_when_called(module: str, *functions: str) -> Iterator[None]:
    """While other modules are imported, keep one that they import from from being so.

    They get functions that import it at their first call, and then do what the true ones do.
    Whatever else is asked of the module imports it at once, so that a version of the importing
    library that takes more from it is only slower; only submodules cannot be imported meanwhile.
    Afterwards nothing is in the module's place: who imports it then gets the module. Without effect
    where it was imported already, or is not installed.

    Args:
        module: Full name of the module, such as "scipy.optimize".
        functions: What is taken from it to be called.
    """
    if module in sys.modules or importlib.util.find_spec(module.partition(".")[0]) is None:
        yield
        return
    stand_in = _StandIn(module)
    vars(stand_in).update({name: _late(module, name) for name in functions})
    sys.modules[module] = stand_in
    try:
        yield
    finally:
        stand_in.withdraw()


class _StandIn(ModuleType):
    """Stands for a module that is not imported yet."""

    def withdraw(self) -> None:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # `inspect` asks every module for its file
            raise AttributeError(name)
        self.withdraw()
        return getattr(importlib.import_module(self.__name__), name)


def _late(module: str, name: str) -> Callable[..., Any]:
    def call(*values: Any, **named: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*values, **named)

    call.__name__ = call.__qualname__ = name
    call.__module__ = module
    return call
