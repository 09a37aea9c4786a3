"""Importing what is large: without looking for garbage meanwhile.

Torch and Transformers make a million objects that all stay, and Python's collector looks through
them again and again as they become more: a sixth of the time that importing them takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Collect no garbage within; afterwards as before."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
