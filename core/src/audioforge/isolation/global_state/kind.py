"""What is looked at, and how."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen
class Kind:
    """One kind of state of the whole process.

    Attributes:
        name: What messages call it.
        read: Returns it, as something that can be compared.
        write: Sets it to what was read.
        is_as: Whether the state now (second) leaves what was before (first) as it was.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    is_as: Callable[[Any, Any], bool] = operator.eq


@frozen
class Generator:
    """A global generator of random numbers.

    Attributes:
        read: Returns its state.
        write: Sets it to a state that was read.
        seed: Sets it to the state that follows from a number below 2³².
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    seed: Callable[[int], object]
